"""Which microversion a request asks for; representations as (version, transform) pairs.

A resource is rendered once, in its newest form. Each change a version made is written once, as the
function that takes it back; ``older`` applies those that are newer than what the client asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from cloudweb.exceptions import BadRequest, NotAcceptable
from cloudweb.microversions import Microversion, VersionRange

_FORM = re.compile(r"^([1-9][0-9]{0,30})\.(0|[1-9][0-9]{0,30})\Z")


def negotiate(versions: VersionRange, headers: Mapping[str, str]) -> Microversion:
    """Return the version a request asks for; the minimum when it names none.

    Raises BadRequest for a malformed value, NotAcceptable for one outside the range.
    """
    wanted = _asked(versions.service, headers.get("OpenStack-API-Version", ""))
    if wanted is None and versions.legacy_header:
        wanted = headers.get(versions.legacy_header)
    if wanted is None:
        return versions.minimum
    if wanted.strip().lower() == "latest":
        return versions.maximum
    match = _FORM.match(wanted.strip())
    if match is None:
        raise BadRequest(
            f"API Version String {wanted[:64]} is of invalid format. "
            "Must be of format MajorNum.MinorNum."
        )
    version = Microversion(int(match[1]), int(match[2]))
    if not versions.minimum <= version <= versions.maximum:
        raise NotAcceptable(
            f"Version {version} is not supported by the API. "
            f"Minimum is {versions.minimum} and maximum is {versions.maximum}."
        )
    return version


def _asked(service: str, header: str) -> str | None:
    """Return what the header says for a service: the last of ``compute 2.1, volume 3.70``."""
    wanted = None
    for part in header.split(","):
        name, *rest = part.split(None, 1)[:2] or ("",)
        if rest and name.lower() == service:
            wanted = rest[0]
    return wanted


def request_headers(versions: VersionRange) -> list[str]:
    """Return the headers that choose a version, as Vary must name them."""
    return ["OpenStack-API-Version", *filter(None, [versions.legacy_header])]


def response_headers(versions: VersionRange, version: Microversion) -> dict[str, str]:
    """Return the headers that echo the effective version."""
    headers = {"OpenStack-API-Version": f"{versions.service} {version}"}
    if versions.legacy_header:
        headers[versions.legacy_header] = str(version)
    return headers


#: (version that made the change, function that takes the change back in place)
Transform = tuple[Microversion, Callable[[dict[str, Any]], None]]


def older(
    data: dict[str, Any], version: Microversion, changes: Sequence[Transform]
) -> dict[str, Any]:
    """Take back, newest first, every change that is newer than the client's version.

    ``changes`` is sorted from the oldest to the newest; ``data`` is changed in place and returned.
    """
    for made_in, take_back in reversed(changes):
        if version < made_in:
            take_back(data)
    return data


T = TypeVar("T")


def in_force(version: Microversion, choices: Sequence[tuple[Microversion, T]]) -> T:
    """Return what holds at a version, such as the schema of a request body.

    ``choices`` is sorted from the oldest to the newest and its first one holds at the minimum.
    """
    return next(choice for since, choice in reversed(choices) if since <= version)


def without(*keys: str) -> Callable[[dict[str, Any]], None]:
    """Return a transform that removes keys: most versions only add some."""

    def drop(data: dict[str, Any]) -> None:
        for key in keys:
            data.pop(key, None)

    return drop
