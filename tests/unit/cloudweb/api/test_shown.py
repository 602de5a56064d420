"""An answer's fields say what they show of a row: attributes, forms, scenes, conditions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any, ClassVar

from django.test import RequestFactory
from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.shown import Always, Form, Of, Scene, Seen, When, renderer, shown
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since


class PartShown(Answer):
    """A part."""

    name: str


class ThingShown(Answer):
    """A thing."""

    INVENTED: ClassVar[str] = "extra"

    id: Annotated[str, Form(str)]
    owner_id: Annotated[str, Of("owner.id"), Form(str.upper)]
    doubled: Annotated[int, Of(lambda row: row.size * 2), Form(str)]
    size: Annotated[int, Field(alias="thing:size")]
    fixed: Annotated[bool, Always(True)]
    parts: Annotated[list[PartShown], Seen(lambda row, scene: shown(PartShown, row.parts, scene))]
    href: Annotated[str, Seen(lambda row, scene: scene.url(f"things/{row.id}"))]
    newer: Annotated[str, Always("n"), since(50)]
    secret: Annotated[str, When(lambda scene: scene.context is not None)] = ""


def thing(**more: Any) -> SimpleNamespace:
    """Return a row."""
    parts = [SimpleNamespace(name="p")]
    values = {"id": 7, "size": 2, "secret": "s", "parts": parts, "extra": {"colour": "red"}}
    return SimpleNamespace(owner=SimpleNamespace(id="ann"), **values | more)


def scene(minor: int = 2) -> Scene:
    """Return one of nobody."""
    request = RequestFactory().get("/network/v2.0/things")
    return Scene(request, version=Microversion(2, minor))


def test_each_field_shows_what_it_says() -> None:
    assert renderer(ThingShown, scene())(thing()) == {
        "colour": "red",
        "id": "7",
        "owner_id": "ANN",
        "doubled": "4",
        "thing:size": 2,
        "fixed": True,
        "parts": [{"name": "p"}],
        "href": "http://testserver/network/v2.0/things/7",
    }


def test_a_version_shows_what_it_has() -> None:
    shows = {minor: "newer" in renderer(ThingShown, scene(minor))(thing()) for minor in (49, 50)}
    assert shows == {49: False, 50: True}


def test_what_clients_invent_never_hides_what_is() -> None:
    body = renderer(ThingShown, scene())(thing(extra={"id": "x", "fixed": False}))
    assert (body["id"], body["fixed"]) == ("7", True)


def test_one_field_or_none_alone() -> None:
    assert renderer(ThingShown, scene(), only={"id"})(thing()) == {"id": "7"}
    assert renderer(ThingShown, scene(), only={"thing:size", "id"})(thing()) == {
        "id": "7",
        "thing:size": 2,
    }
    assert renderer(ThingShown, scene(), only={"no such"})(thing()) == {}


def test_rows_do_not_share_what_they_show() -> None:
    render = renderer(ThingShown, scene())
    one, two = render(thing()), render(thing(id=8))
    assert (one["id"], two["id"]) == ("7", "8")
