"""Hosts are asked what a packet passes there: all of them at once, and each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

import structlog

from cloudweb.database.clock import now
from cloudweb.exceptions import CloudwebError
from network import rpc
from network.backend import is_ovn
from network.trace.facts import Observed
from network.trace.objects import PathQuestion, PathSeen, PortLook, Sighting, WayLook
from operations.asking import HostDidNotAnswer, ask_all

log = structlog.get_logger(__name__)
PATIENCE = 3.0  # seconds, for all hosts together
Look = PortLook | WayLook | str


@dataclass
class Observations:
    """What hosts are to be asked, then what they answered."""

    _looks: defaultdict[str, dict[Look, None]] = field(default_factory=lambda: defaultdict(dict))
    _found: dict[str, Observed] | None = None

    @property
    def is_answered(self) -> bool:
        """Tell whether hosts were asked."""
        return self._found is not None

    def look(self, host: str, about: Look) -> Observed | None:
        """Return what a host saw of a thing; None, and a note to ask, before it was asked."""
        if self._found is None:
            if host:
                self._looks[host][about] = None
            return None
        seen = self._found.get(host)
        if seen is None:
            return None
        mine = [one for one in seen.sightings if _is_about(one, about)]
        if not seen.problem and not mine:
            return None
        return Observed(at=seen.at, sightings=mine, problem=seen.problem)

    def ask(self) -> bool:
        """Ask what was noted; tell whether there is more to know now."""
        asked = {host: _question(looks) for host, looks in self._looks.items()}
        orders = [
            rpc.OBSERVE.order(host=host, resource_id="path", payload=question)
            for host, question in asked.items()
        ]
        answers = ask_all(orders, timeout=PATIENCE) if orders else []
        self._found = dict(zip(asked, map(_observed, answers), strict=True))
        return bool(asked) or is_ovn()


def _question(looks: Collection[Look]) -> PathQuestion:
    return PathQuestion(
        ports=tuple(one for one in looks if isinstance(one, PortLook)),
        ways=tuple(one for one in looks if isinstance(one, WayLook)),
        routers=tuple(one for one in looks if isinstance(one, str)),
    )


def _observed(answer: object) -> Observed:
    if isinstance(answer, HostDidNotAnswer):
        return Observed(at=now(), problem="did not answer in time")
    if isinstance(answer, CloudwebError):
        log.warning("a host could not look", error=answer.message, detail=answer.detail)
        return Observed(at=now(), problem="cannot tell")
    assert isinstance(answer, dict)
    return Observed(at=now(), sightings=PathSeen.load(answer).sightings)


def _is_about(sighting: Sighting, look: Look) -> bool:
    if isinstance(look, PortLook):
        is_other_way = sighting.direction and sighting.direction != look.direction
        return sighting.about == look.port_id and not is_other_way
    return sighting.about == (look.mac if isinstance(look, WayLook) else look)
