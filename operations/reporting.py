"""What hosts report reaches its domain whole: each app says who takes its part.

A new domain's load, inventory, problems and events arrive without a change here or in the conductor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import structlog

from cloudweb.objects import IncompatibleObject, VersionedObject

log = structlog.get_logger(__name__)
R = TypeVar("R", bound=VersionedObject)
Taker = Callable[[str, R], None]  # of the host that signed it, and its part

_takers: dict[str, tuple[type[VersionedObject], Taker[Any]]] = {}


def takes_report(domain: str, kind: type[R]) -> Callable[[Taker[R]], Taker[R]]:
    """Let a function take this domain's part of every report."""

    def register(taker: Taker[R]) -> Taker[R]:
        _takers[domain] = (kind, taker)
        return taker

    return register


def deliver(host: str, parts: Mapping[str, dict[str, Any]]) -> None:
    """Give each part to its domain; one that cannot be read keeps no other out."""
    for domain, wire in parts.items():
        if domain not in _takers:
            log.warning("a report of a domain nobody takes", host=host, domain=domain)
            continue
        kind, take = _takers[domain]
        try:
            part = kind.load(wire)
        except IncompatibleObject as error:
            log.warning("part of a report refused", host=host, domain=domain, detail=error.detail)
            continue
        take(host, part)
