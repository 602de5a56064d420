"""Scheduler hints: what a server asks of its place, in OpenStack's words; kept as they were said."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import orjson

from cloudweb.addresses import parse_block
from cloudweb.exceptions import InvalidInput
from compute.conf import HINTS_HEARD
from compute.scheduler import parse_query

#: So much of it is kept of a server, in bytes.
MOST = 8192
#: What is near an address where nothing is said.
NEAR = "/24"
#: So many servers may be named in each hint.
MOST_SERVERS = 100


def check_hints(hints: Mapping[str, Any]) -> None:
    """Raise InvalidInput for too much, and for what is heard and means nothing."""
    size = len(orjson.dumps(dict(hints)))
    named = max(len(servers_of(hints, key)) for key in ("same_host", "different_host"))
    for field, found, most in (
        ("scheduler_hints", size, MOST),
        ("same_host and different_host", named, MOST_SERVERS),
    ):
        if found > most:
            raise InvalidInput(field=field, value=found, reason=f"At most {most}.")
    query_of(hints)
    addresses_near(hints)


def query_of(hints: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a server's user asks of hosts, where operators let that be heard; raise InvalidInput."""
    said = hints.get("query")
    return parse_query(said) if said and "query" in HINTS_HEARD else ()


def addresses_near(hints: Mapping[str, Any]) -> IPv4Network | IPv6Network | None:
    """Return among which addresses its host's is to be, where operators let that be heard; raise InvalidInput."""
    said = hints.get("build_near_host_ip")
    if not said or "build_near_host_ip" not in HINTS_HEARD:
        return None
    prefix = hints.get("cidr") or NEAR
    try:
        return parse_block(f"{said}{prefix}")
    except ValueError as error:
        raise InvalidInput(field="cidr", value=prefix, reason="It is no prefix of it.") from error


def servers_of(hints: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the ids of the servers that a hint names: one, or a list of some."""
    said = hints.get(key) or ()
    return (said,) if isinstance(said, str) else tuple(said)
