"""Scheduler hints: what a server asks of its place, in OpenStack's words; kept as they were said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cloudweb.exceptions import InvalidInput

#: So much of it is kept of a server, in bytes.
MOST = 8192
#: So many servers may be named in each hint.
MOST_SERVERS = 100


def check_hints(hints: Mapping[str, Any]) -> None:
    """Raise InvalidInput for too much."""
    size = len(orjson.dumps(dict(hints)))
    named = max(len(servers_of(hints, key)) for key in ("same_host", "different_host"))
    for field, found, most in (
        ("scheduler_hints", size, MOST),
        ("same_host and different_host", named, MOST_SERVERS),
    ):
        if found > most:
            raise InvalidInput(field=field, value=found, reason=f"At most {most}.")


def servers_of(hints: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the ids of the servers that a hint names: one, or a list of some."""
    said = hints.get(key) or ()
    return (said,) if isinstance(said, str) else tuple(said)
