"""What a placement would be, without taking the place: each host with what refuses it, or what it weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import CharField, DateTimeField, Value

from cloudweb.database.clock import now
from compute import conf
from compute.scheduler import explanation
from compute.scheduler.cells import with_refused
from compute.scheduler.filters import conditions
from compute.scheduler.placement import best
from compute.scheduler.request import PlacementRequest
from compute.scheduler.weighers import parts


@dataclass(frozen=True, slots=True)
class RemovedHosts:
    """How many of the hosts that were left a filter removed, in words that name none."""

    filter: str
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class JudgedHost:
    """A host: ``refused`` by filters, each with why; ``weights`` by weigher, times its factor."""

    name: str
    zone: str
    refused: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, float], ...]

    @property
    def weight(self) -> float:
        """The sum."""
        return sum(value for _, value in self.weights)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a server would find a place; where not, ``reason`` is what its fault would say.

    ``drawn_from`` are the hosts of which one would be drawn, the best first. ``hosts`` are the nearest,
    at most ``explanation.NAMED`` of ``total``.
    """

    fits: bool
    reason: str
    total: int
    removed: tuple[RemovedHosts, ...]
    drawn_from: tuple[str, ...]
    hosts: tuple[JudgedHost, ...]


def judge(request: PlacementRequest, *, project_id: str) -> Verdict:
    """Return what ``claim`` would do now."""
    request = with_refused(replace(request, project_id=project_id), project_id)
    drawn_from = best(request, project_id)
    found = conditions(request)
    facts = explanation.facts(found)
    weighed = parts(
        image=Value(request.image_id, output_field=CharField()),
        young_since=Value(now() - conf.YOUNG_FOR, output_field=DateTimeField()),
    )
    near = explanation.nearest(found, **{f"weighs_{name}": one for name, one in weighed.items()})
    hosts = [_judged(request, host, explanation.misses(request, found, host)) for host in near]
    return Verdict(
        fits=bool(drawn_from),
        reason="" if drawn_from else explanation.explain(request).message,
        total=facts["total"],
        removed=tuple(
            RemovedHosts(item.filter.name, item.count, item.words(request))
            for item in explanation.removed(found, facts)
            if item.count
        ),
        drawn_from=tuple(one.name for one in drawn_from),
        hosts=tuple(sorted(hosts, key=lambda host: (len(host.refused), -host.weight, host.name))),
    )


def _judged(
    request: PlacementRequest, host: dict[str, Any], missed: Sequence[tuple[str, str]]
) -> JudgedHost:
    weights = [
        (key.removeprefix("weighs_"), round(value, 3))
        for key, value in host.items()
        if key.startswith("weighs_")
    ]
    return JudgedHost(host["name"], host["zone"], tuple(missed), tuple(weights))
