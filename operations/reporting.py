"""What hosts report reaches its domain whole: each app says who takes its part.

A new domain's load, inventory, problems and events arrive without a change here or in the conductor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import structlog

from cloudweb.objects import IncompatibleObject, VersionedObject

log = structlog.get_logger(__name__)
R = TypeVar("R", bound=VersionedObject)


@dataclass(frozen=True, slots=True)
class Heard(Generic[R]):
    """A domain's part of a report, and the host that signed it, whose clock is so many seconds ahead."""

    host: str
    part: R
    ahead: float = 0.0

    def time(self, said: float) -> datetime:
        """Return a time (Unix) that the host named, by our clock."""
        return datetime.fromtimestamp(said - self.ahead, UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """All parts of a host's report, as they crossed."""

    host: str
    parts: Mapping[str, dict[str, Any]]
    ahead: float = 0.0


Taker = Callable[[Sequence[Heard[R]]], None]  # the parts of some hosts, none of them twice

_takers: dict[str, tuple[type[VersionedObject], Taker[Any]]] = {}


def takes_reports(domain: str, kind: type[R]) -> Callable[[Taker[R]], Taker[R]]:
    """Let a function take this domain's part of every report; it may be given the same part again."""

    def register(taker: Taker[R]) -> Taker[R]:
        _takers[domain] = (kind, taker)
        return taker

    return register


def deliver(reports: Sequence[Parts]) -> Collection[str]:
    """Give each part to its domain; return the hosts of which not all was taken.

    One part that cannot be read or taken keeps no other out.
    """
    failed: set[str] = set()
    by_domain: defaultdict[str, list[Heard[Any]]] = defaultdict(list)
    for report in reports:
        for domain, wire in report.parts.items():
            if domain not in _takers:
                log.warning("a report of a domain nobody takes", host=report.host, domain=domain)
                continue
            try:
                part = _takers[domain][0].load(wire)
            except IncompatibleObject as error:
                log.warning(
                    "part of a report refused",
                    host=report.host,
                    domain=domain,
                    detail=error.detail,
                )
                continue
            by_domain[domain].append(Heard(report.host, part, report.ahead))
    for domain, heard in by_domain.items():
        failed |= _give(domain, heard)
    return failed


def _give(domain: str, heard: Sequence[Heard[Any]]) -> set[str]:
    """Give all at once, or each alone where that fails; return the hosts whose parts were not taken."""
    try:
        _takers[domain][1](heard)
    except Exception:
        if len(heard) == 1:
            log.exception("part of a report was not taken", host=heard[0].host, domain=domain)
            return {heard[0].host}
        return set().union(*(_give(domain, [one]) for one in heard))
    return set()
