"""How a list links to its other pages: what stands beside the rows, and its shape for the schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from cloudweb.api.answers import Answer, Link
from cloudweb.dialect import PageLinks, Wire


@dataclass(frozen=True, slots=True)
class Place:
    """A page among the others: the URLs of this one, the next and the one before.

    ``cut``: the client said how many rows it wants.
    """

    own: str
    following: str | None = None
    before: str | None = None
    cut: bool = False


class ListLinks(Answer):
    """Where a list is, and its next page; no list leads back."""

    self: str
    next: str | None
    previous: None


class NextLink(Answer):
    """The next page."""

    next: str | None


class Style(NamedTuple):
    """What to write beside the rows of a plural, and what of which type the schema says of it."""

    write: Callable[[str, Place], Wire]
    shape: Callable[[str], dict[str, Any]]


def _beside(plural: str, place: Place) -> Wire:
    links = [{"rel": "next", "href": place.following}] if place.following else []
    return {f"{plural}_links": links} if links else {}


def _both_ways(plural: str, place: Place) -> Wire:
    """Link both pages, for who asked for pages."""
    pages = {"next": place.following, "previous": place.before}
    links = [{"rel": rel, "href": href} for rel, href in pages.items() if href is not None]
    return {f"{plural}_links": links} if links and place.cut else {}


def _of_list(_plural: str, place: Place) -> Wire:
    return {"links": {"self": place.own, "next": place.following, "previous": None}}


def _next_of_list(_plural: str, place: Place) -> Wire:
    return {"links": {"next": place.following}}


def _next_beside(_plural: str, place: Place) -> Wire:
    return {"next": place.following} if place.following else {}


def _shape_beside(plural: str) -> dict[str, Any]:
    return {f"{plural}_links": list[Link] | None}


STYLES: dict[PageLinks, Style] = {
    "beside": Style(_beside, _shape_beside),
    "both ways": Style(_both_ways, _shape_beside),
    "of list": Style(_of_list, lambda _plural: {"links": ListLinks}),
    "next of list": Style(_next_of_list, lambda _plural: {"links": NextLink}),
    "next beside": Style(_next_beside, lambda _plural: {"next": str | None}),
}
