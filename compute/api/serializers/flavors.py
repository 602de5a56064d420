"""Flavors on the wire (contract 3.3, 3.8)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from cloudweb.api.answers import Answer, Link
from cloudweb.api.fields import Body, LooseBool, Name, NaturalNumber, PositiveNumber
from cloudweb.api.links import resource_links
from cloudweb.api.shown import Of, Scene, Seen
from cloudweb.microversions.compute import since, until
from compute.models import Flavor

_ID = re.compile(r"[a-zA-Z0-9._-]([a-zA-Z0-9. _-]*[a-zA-Z0-9._-])?\Z")


def _chosen_id(value: Any) -> Any:
    """Accept a number too; the word auto asks for one to be made."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return None if value == "auto" else value


def _well_formed_id(value: str | None) -> str | None:
    if value is not None and not _ID.match(value):
        raise ValueError("Only letters, digits, dot, dash, underscore and inner spaces are allowed")
    return value


def _plain_number(value: Any) -> Any:
    """Accept a number that is written as a string."""
    if isinstance(value, bool):
        raise ValueError("It must be a number")  # noqa: TRY004 - what pydantic reports
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
            raise ValueError("It must be a number")
        return float(value)
    return value


def _no_null_character(text: str | None) -> str | None:
    """Allow line breaks, but not what a database cannot store."""
    if text is not None and ("\x00" in text or not text.isprintable()):
        visible = text.replace("\n", "").replace("\r", "").replace("\t", "")
        if not visible.isprintable():
            raise ValueError("Control characters are not allowed")
    return text


FlavorId = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=255)] | None,
    AfterValidator(_well_formed_id),
    BeforeValidator(_chosen_id),
]
Factor = Annotated[
    float, Field(gt=0, le=3.40282e38, allow_inf_nan=False), BeforeValidator(_plain_number)
]
Description = Annotated[
    Annotated[str, StringConstraints(max_length=65_535)] | None, AfterValidator(_no_null_character)
]


class FlavorCreate(Body):
    """``flavor`` of POST /flavors."""

    model_config = ConfigDict(populate_by_name=False)

    name: Name
    ram: PositiveNumber
    vcpus: PositiveNumber
    disk: NaturalNumber
    flavor_id: FlavorId = Field(default=None, alias="id")
    ephemeral: NaturalNumber = Field(default=0, alias="OS-FLV-EXT-DATA:ephemeral")
    swap: NaturalNumber = 0
    rxtx_factor: Factor = 1.0
    is_public: LooseBool = Field(default=True, alias="os-flavor-access:is_public")
    description: Annotated[Description, since(55)] = None


class FlavorUpdate(Body):
    """``flavor`` of PUT /flavors/{id}."""

    description: Description


#: Where no swap is an empty text.
_EMPTY_SWAP = until(74)


def _links(flavor: Flavor, scene: Scene) -> list[dict[str, str]]:
    return resource_links(scene.request, f"flavors/{flavor.id}")


def _swap(flavor: Flavor, scene: Scene) -> int | str:
    return flavor.swap or ("" if scene.at(_EMPTY_SWAP) else 0)


class FlavorBrief(Answer):
    """A flavor as GET /flavors lists it."""

    id: str
    name: str
    links: Annotated[list[Link], Seen(_links)]
    description: Annotated[str | None, since(55)]


class FlavorShown(FlavorBrief):
    """A flavor with everything; no swap is an empty text up to 2.74."""

    ram: int
    disk: int
    vcpus: int
    swap: Annotated[int | Literal[""], Seen(_swap)]
    ephemeral: int = Field(alias="OS-FLV-EXT-DATA:ephemeral")
    disabled: bool = Field(alias="OS-FLV-DISABLED:disabled")
    is_public: bool = Field(alias="os-flavor-access:is_public")
    rxtx_factor: float
    extra_specs: Annotated[dict[str, str], since(61), Of(lambda flavor: flavor.specs())]
