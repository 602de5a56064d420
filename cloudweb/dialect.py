"""How a service speaks to its clients, as far as it differs from the others.

Facts and words, no HTTP: what lies below the API (refusals, audit) reads them too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from cloudweb.microversions import VersionRange

if TYPE_CHECKING:
    from cloudweb.exceptions import CloudwebError

#: What fewer sort directions than keys mean: an error (network), the default for the rest (compute),
#: or the one direction for all (image, volume).
Fewer = Literal["refused", "default", "repeated"]
#: Where a list links to its other pages (cloudweb/api/page_links.py).
PageLinks = Literal[
    "beside", "links beside", "both ways", "of list", "next of list", "first and next"
]
Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One service: its name (and mount), the version in its paths, and its manners.

    ``usual`` are statuses that each of its operations may answer, beside those of all services.
    ``older`` is a version in paths that means the same as ``version`` at the lowest microversion.
    ``suffix`` may end a path and means nothing. ``refuses_empty_ids``: a slash after a collection
    is an empty id, not the collection. ``request_ids`` are headers that repeat the request's id.
    ``speaks_xml``: to who asks for it, also by a path that ends in ``.xml``.
    ``unknown_marker`` are the words for a marker that is no row's; without any, the page is empty.
    """

    service: str
    version: str
    envelope: Callable[[CloudwebError, int], Wire]
    refusal: Callable[[str], str]
    page_links: PageLinks
    quota_status: int = 403
    versions: VersionRange | None = None
    older: str = ""
    suffix: str = ""
    refuses_empty_ids: bool = False
    request_ids: tuple[str, ...] = ()
    usual: tuple[int, ...] = ()
    fewer: Fewer = "repeated"
    refuses_unknown_filters: bool = False
    unknown_marker: str = "marker [{}] not found"
    zero_is_unlimited: bool = False
    speaks_xml: bool = False

    def root(self, base: str) -> str:
        """Return the URL that paths of this service's current version hang under."""
        return f"{base}/{self.service}/{self.version}"


FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    422: "unprocessableEntity",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def plain_error(error: CloudwebError, status: int) -> Wire:
    """Return Keystone's envelope, which clients of every service can read."""
    title = HTTPStatus(status).phrase
    return {"error": {"code": status, "message": error.message, "title": title}}


def fault(
    otherwise: str, differing: Mapping[int, str] | None = None
) -> Callable[[CloudwebError, int], Wire]:
    """Return the envelope whose key says what is wrong; ``otherwise`` is the key for the rest."""
    words = FAULTS | dict(differing or {})

    def envelope(error: CloudwebError, status: int) -> Wire:
        if status == HTTPStatus.UNAUTHORIZED:
            return plain_error(error, status)
        body: Wire = {"code": status, "message": error.message}
        if error.retry_after is not None and status in (413, 429):
            body["retryAfter"] = str(error.retry_after)
        return {words.get(status, otherwise): body}

    return envelope


def neutron_error(error: CloudwebError, status: int) -> Wire:
    """Return the envelope that names the kind of error."""
    if status == HTTPStatus.UNAUTHORIZED:
        return plain_error(error, status)
    return {"NeutronError": {"type": error.kind, "message": error.message, "detail": ""}}


def policy_refusal(prefix: str) -> Callable[[str], str]:
    """Return the words that name a policy; ``prefix`` stands before resource and action."""

    def refusal(name: str) -> str:
        return f"Policy doesn't allow {prefix}:{name} to be performed."

    return refusal
