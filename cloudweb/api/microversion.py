"""Which microversion a request asks for, and how the answer says so."""

from __future__ import annotations

import re
from collections.abc import Mapping

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
