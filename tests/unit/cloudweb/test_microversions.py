"""What since and until mean, wherever they stand."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from django.test import RequestFactory
from pydantic import Field
from rest_framework.request import Request

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body
from cloudweb.api.queries import parameters
from cloudweb.api.versioned import absent, leave_out
from cloudweb.api.views import ServiceViewSet, validate
from cloudweb.exceptions import InvalidInput
from cloudweb.microversions import ALWAYS, Microversion, Microversions, later, versions_of_method

SAMPLE = Microversions(
    "sample", major=3, said={minor: f"Change {minor}." for minor in range(10)} | {5: later("x", because="y")}
)  # fmt: skip
since, until = SAMPLE.since, SAMPLE.until


def at(minor: int) -> Microversion:
    return Microversion(3, minor)


def minors(versions: Any) -> list[int]:
    return [minor for minor in range(10) if at(minor) in versions]


def test_both_ends_belong_to_it() -> None:
    assert minors(since(7)) == [7, 8, 9]
    assert minors(until(2)) == [0, 1, 2]
    assert minors(since(3) & until(5)) == [3, 4, 5]
    assert minors(ALWAYS) == [*range(10)]


def test_a_version_that_is_not_listed_cannot_be_claimed() -> None:
    for claim in (lambda: since(10), lambda: until(9), lambda: since(-1)):
        with pytest.raises(ValueError, match="has no version"):
            claim()


def test_a_list_has_no_gap() -> None:
    with pytest.raises(ValueError, match="one by one"):
        Microversions("sample", major=3, said={1: "One.", 3: "Three."})


def test_it_says_what_it_means() -> None:
    assert str(since(7)) == "From 3.7 on."
    assert str(until(2)) == "Up to 3.2."
    assert str(since(3) & until(5)) == "From 3.3 to 3.5."


def test_methods_are_marked_one_mark_beside_the_other() -> None:
    @since(3)
    @until(5)
    def act() -> None: ...

    assert versions_of_method(act) == since(3) & until(5)
    assert versions_of_method(None) == ALWAYS


class Part(Body):
    size: int
    tag: Annotated[str | None, since(2), until(6)] = None


class Make(Body):
    """Order: what is wrong first is not what is refused first."""

    name: str
    parts: tuple[Part, ...] = ()
    files: Annotated[list[str], until(4)] = Field(default=["a"], alias="OLD:files")
    note: Annotated[str, since(7), Field(description="What it is for.")] = ""


@pytest.mark.parametrize(
    ("minor", "body", "field"),
    [
        (6, {"name": "n", "note": ""}, "note"),
        (6, {"name": 1, "note": 2}, "note"),
        (5, {"name": "n", "OLD:files": []}, "OLD:files"),
        (1, {"name": "n", "parts": [{"size": 1}, {"size": 1, "tag": "t"}]}, "parts.1.tag"),
        (7, {"name": "n", "parts": [{"size": 1, "tag": "t"}]}, "parts.0.tag"),
        (9, {"name": "n", "never": 1}, "never"),
    ],
)
def test_a_body_is_refused_for_what_its_version_lacks(minor: int, body: Any, field: str) -> None:
    """In the words for what no version has; before all else, also deep inside."""
    with pytest.raises(InvalidInput) as refused:
        validate(Make, body, version=at(minor))
    assert field in refused.value.message
    assert "Additional properties are not allowed." in refused.value.message


def test_what_is_not_sent_is_not_refused() -> None:
    made = validate(Make, {"name": "n", "parts": [{"size": 1}]}, version=at(6))
    assert (made.files, made.note, made.parts[0].tag) == (["a"], "", None)


def test_what_the_version_has_is_read() -> None:
    body = {"name": "n", "OLD:files": ["b"], "parts": [{"size": 1, "tag": "t"}]}
    made = validate(Make, body, version=at(4))
    assert (made.files, made.parts[0].tag) == (["b"], "t")


def test_without_a_version_all_is_read() -> None:
    made = validate(Make, {"name": "n", "note": "x", "OLD:files": []})
    assert (made.files, made.note) == ([], "x")


class Shown(Answer):
    id: str
    files: Annotated[list[str], until(4)] = Field(alias="OLD:files")
    note: Annotated[str, since(7)]


def test_an_answer_leaves_out_what_the_version_lacks() -> None:
    whole = {"id": "i", "OLD:files": [], "note": "n"}
    shown = {minor: set(leave_out(Shown, at(minor), dict(whole))) for minor in (4, 5, 7)}
    assert shown == {4: {"id", "OLD:files"}, 5: {"id"}, 7: {"id", "note"}}
    assert absent(Shown, at(5)) is absent(Shown, at(5))


def test_the_schema_says_so() -> None:
    make, shown = Make.model_json_schema(), Shown.model_json_schema()
    assert make["properties"]["note"]["description"] == "What it is for. From 3.7 on."
    assert make["properties"]["OLD:files"]["description"] == "Up to 3.4."
    assert make["$defs"]["Part"]["properties"]["tag"]["description"] == "From 3.2 to 3.6."
    assert shown["required"] == ["id"]


class Listing(ServiceViewSet):
    """Reads a query whose words came and went."""

    def words(self, query: str, minor: int) -> dict[str, Any]:
        http: Any = RequestFactory().get(f"/?{query}")
        http.microversion = at(minor)
        self.request = Request(http)
        known = {"limit": since(2), "old": until(6), "plain": ALWAYS}
        return dict(self.query(known, strict=since(5)).lists())


def test_a_query_has_the_words_of_its_version() -> None:
    """What is not there is ignored at first, then refused like what never was."""
    said = "limit=1&limit=2&old=o&plain=p"
    whole = {"limit": ["1", "2"], "old": ["o"], "plain": ["p"]}
    assert Listing().words(said, 6) == whole
    assert Listing().words(f"{said}&never=1", 2) == whole
    assert Listing().words(said, 1) == {"old": ["o"], "plain": ["p"]}
    for query, minor, field in (("plain=1&old=1", 7, "old"), ("plain=1&never=2", 5, "never")):
        with pytest.raises(InvalidInput) as refused:
            Listing().words(query, minor)
        assert field in refused.value.message


def test_the_schema_says_which_versions_have_a_word() -> None:
    found = parameters("marker", versions={"limit": since(2), "marker": ALWAYS})
    said = {one.name: one.description for one in found}
    assert said == {
        "marker": "The id of the last one on the page before.",
        "limit": "How many at most; what is too large is cut. From 3.2 on.",
    }
