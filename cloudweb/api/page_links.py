"""How a list links to its other pages: what stands beside the rows, and its shape for the schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.http import HttpRequest
from rest_framework.request import Request

from cloudweb.api.answers import Answer, Link
from cloudweb.api.links import base_url
from cloudweb.api.pagination import first_link, next_link
from cloudweb.dialect import PageLinks, Wire
from cloudweb.listing import Page
from cloudweb.mounts import dialect_of


@dataclass(frozen=True, slots=True)
class Place:
    """A page among the others: the URLs of this one, the first, the next and the one before.

    ``cut``: the client said how many rows it wants.
    """

    own: str
    first: str
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
    """What to write beside the rows of a plural, and what of which type the schema says of it.

    ``relative``: URLs begin below the service's mount. ``drops``: what of a query is not in the links
    to other pages, or comes last in them.
    """

    write: Callable[[str, Place], Wire]
    shape: Callable[[str], dict[str, Any]]
    relative: bool = False
    drops: tuple[str, ...] = ()


def _beside(plural: str, place: Place) -> Wire:
    links = [{"rel": "next", "href": place.following}] if place.following else []
    return {f"{plural}_links": links} if links else {}


def _links_beside(_plural: str, place: Place) -> Wire:
    return {"links": [{"rel": "next", "href": place.following}]} if place.following else {}


def _both_ways(plural: str, place: Place) -> Wire:
    """Link both pages, for who asked for pages."""
    pages = {"next": place.following, "previous": place.before}
    links = [{"rel": rel, "href": href} for rel, href in pages.items() if href is not None]
    return {f"{plural}_links": links} if links and place.cut else {}


def _of_list(_plural: str, place: Place) -> Wire:
    return {"links": {"self": place.own, "next": place.following, "previous": None}}


def _next_of_list(_plural: str, place: Place) -> Wire:
    return {"links": {"next": place.following}}


def _first_and_next(_plural: str, place: Place) -> Wire:
    return {"first": place.first, **({"next": place.following} if place.following else {})}


def _shape_beside(plural: str) -> dict[str, Any]:
    return {f"{plural}_links": list[Link] | None}


STYLES: dict[PageLinks, Style] = {
    "beside": Style(_beside, _shape_beside),
    "links beside": Style(_links_beside, lambda _plural: {"links": list[Link] | None}),
    "both ways": Style(_both_ways, _shape_beside, drops=("page_reverse",)),
    "of list": Style(_of_list, lambda _plural: {"links": ListLinks}),
    "next of list": Style(_next_of_list, lambda _plural: {"links": NextLink}),
    "first and next": Style(
        _first_and_next,
        lambda _plural: {"first": str, "next": str | None},
        relative=True,
        drops=("marker",),
    ),
}


def page_links(
    request: HttpRequest | Request, plural: str, *, after: object = None, before: object = None
) -> Wire:
    """Return what stands beside the rows of a page, as clients of the path's service expect it.

    ``after`` and ``before`` are the markers of the next page and of the one before.
    """
    http = request._request if isinstance(request, Request) else request
    dialect, style = dialect_of(http.path), STYLES[dialect_of(http.path).page_links]
    mount = f"{base_url(http)}/{dialect.service}" if style.relative else ""
    query = http.META.get("QUERY_STRING", "")
    own = f"{base_url(http)}{http.path}"

    def away(marker: object, **more: str) -> str | None:
        if marker is None:
            return None
        link = next_link(http, marker=str(marker), query=more, without=style.drops)
        return link.removeprefix(mount)

    place = Place(
        own=(f"{own}?{query}" if query else own).removeprefix(mount),
        first=first_link(http).removeprefix(mount),
        following=away(after),
        before=away(before, page_reverse="True"),
        cut="limit" in http.GET,
    )
    return style.write(plural, place)


def links_after(request: HttpRequest | Request, plural: str, page: Page[Any], marker: str) -> Wire:
    """Return the same for a page after which clients go on by this attribute of its last row."""
    after = getattr(page.rows[-1], marker) if page.more and page.rows else None
    return page_links(request, plural, after=after)
