"""Claim a place for a server, give it back."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import structlog
from django.db import transaction
from django.db.models import CharField, F, Q, Value

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import alone_with, takes
from cloudweb.database.prepared import Given, Prepared, PreparedUpdate, insert
from cloudweb.placing import together
from compute import conf
from compute.models import Claim, Host
from compute.querysets import is_up
from compute.scheduler import explanation
from compute.scheduler.cells import Cells, answers, held_by, look, with_refused
from compute.scheduler.filters import GROUP, NUMA, PROJECT, UP, Filter, conditions, may_use
from compute.scheduler.fitting import CellPlace
from compute.scheduler.groups import Turn, alike, given, suits, turns
from compute.scheduler.request import PlacementRequest
from compute.scheduler.weighers import asked, weight
from operations import services

log = structlog.get_logger(__name__)

#: How often new candidates are read after others took all of the last ones.
ROUNDS = 5
#: How strongly a draw prefers the emptier host: twice as empty is this power of two as likely.
PREFERENCE = 4
#: Kinds of requests whose statements are kept: most servers are of a few flavors.
KEPT = 64
_CLAIM = Prepared(
    lambda: Claim.objects.filter(instance_id=Given("instance_id")).select_related("host")
)

PROJECT_ID = Given("project", CharField())


class Candidate(NamedTuple):
    """A host that fits; ``suits`` and ``more`` are of the request (``weighers``)."""

    number: int
    weight: float
    name: str
    zone: str
    suits: int
    more: float

    @property
    def total(self) -> float:
        """All that is for it."""
        return self.weight + self.more


class Place(NamedTuple):
    """Where a server is to be; ``weights`` are those of the hosts it was drawn from, the best first.

    ``cells`` is where in the host's NUMA cells, of one that asked for that.
    """

    host: str
    zone: str
    weights: tuple[tuple[str, float], ...] = ()
    cells: Cells = None


def claim(
    context: RequestContext, *, instance_id: str, project_id: str, request: PlacementRequest
) -> Place:
    """Hold a place for a server and return it.

    A server that holds a place of this size on a host that still passes every filter keeps it. May
    be called inside a transaction, which the error leaves usable. Raises NoValidHost.
    """
    with transaction.atomic(savepoint=False):
        if request.group is not None:  # where its servers are is what the next one goes by
            alone_with(request.group.id, wait=True)
        place = _kept(instance_id, project_id, request) or _taken(instance_id, project_id, request)
    if place is None:
        reason = explanation.explain(replace(request, project_id=project_id))
        log.info(
            "no valid host",
            instance_id=instance_id,
            request_id=context.request_id,
            detail=reason.detail,
        )
        raise reason
    return place


def claimed_host(instance_id: str) -> str | None:
    """Return the host that holds a place for the server, or None."""
    return (
        Claim.objects.filter(instance_id=instance_id).values_list("host__name", flat=True).first()
    )


def release(instance_id: str) -> None:
    """Give the server's place back; nothing happens when it holds none."""
    with transaction.atomic(savepoint=False):
        held = Claim.objects.filter(instance_id=instance_id).first()
        # Of two releases at once only one deletes the row, and only that one gives back.
        if held is not None and Claim.objects.filter(pk=held.pk).delete()[0]:
            Host.objects.filter(pk=held.host_id).update(
                **_more(
                    vcpus_used=-held.vcpus,
                    ram_used=-held.ram,
                    disk_used=-held.disk,
                    pinned=-held.pinned,
                )
            )


def note_failed_build(host: str) -> None:
    """Count against a host that it failed to build a server: others are preferred for a while."""
    Host.objects.filter(name=host).update(build_failures=F("build_failures") + 1, failed_at=now())
    Host.objects.filter(name=host).update(weight=weight())


def hand_over(*, holder: str, instance_id: str) -> None:
    """Let a server have the place that was held for it, in exchange for its own; once is enough."""
    with transaction.atomic(savepoint=False):
        if Claim.objects.filter(instance_id=holder).exists():
            release(instance_id)
            Claim.objects.filter(instance_id=holder).update(instance_id=instance_id)


def _kept(instance_id: str, project_id: str, request: PlacementRequest) -> Place | None:
    """Return the place of a claim that is still right; release one that is not."""
    held = _CLAIM.row(instance_id=instance_id)
    if held is None:
        return None
    same_size = (held.vcpus, held.ram, held.disk) == (request.vcpus, request.ram, request.disk)
    # Its own claim is what fills the host, so room is not asked again, nor its place in its group.
    found = conditions(replace(request, project_id=project_id))
    fills = (GROUP, NUMA)
    still_fits = together([one for one in found if one[0].capacity is None and one[0] not in fills])
    same_size = same_size and answers(request.numa, held.cells)
    if same_size and Host.objects.filter(still_fits, pk=held.host_id).exists():
        return Place(held.host.name, held.host.zone, cells=held.cells)
    release(instance_id)
    return None


def _taken(instance_id: str, project_id: str, request: PlacementRequest) -> Place | None:
    """Claim one of the best hosts; None when none fits."""
    if request.numa is not None:
        return _taken_in_cells(instance_id, project_id, request)
    for _ in range(ROUNDS):
        candidates = best(request, project_id)
        if not candidates:
            return None
        for one in _drawn(candidates):
            values = {"number": one.number, **_given(request, project_id)}
            if takes(partial(_promise(alike(request)), **values)):
                insert(
                    Claim(
                        instance_id=instance_id,
                        host_id=one.number,
                        project_id=project_id,
                        vcpus=request.vcpus,
                        ram=request.ram,
                        disk=request.disk,
                        group_id=None if request.group is None else request.group.id,
                    )
                )
                weights = tuple((each.name, round(each.total, 3)) for each in candidates)
                return Place(one.name, one.zone, weights)
    return None


def _taken_in_cells(instance_id: str, project_id: str, request: PlacementRequest) -> Place | None:
    """Do so of one that asks for something in a host's cells.

    Whether these fit no statement can say. So it is tried on the best hosts, and where it fits in none of them
    all the others are looked at, and those left out that do not fit.
    """
    for _ in range(ROUNDS):
        candidates = best(request, project_id)
        for one in _drawn(candidates):
            cells = _promise_cells(one.number, project_id, request)
            if cells is not None:
                stored = [cell.stored() for cell in cells]
                Claim.objects.create(
                    instance_id=instance_id,
                    host_id=one.number,
                    project_id=project_id,
                    vcpus=request.vcpus,
                    ram=request.ram,
                    disk=request.disk,
                    group_id=None if request.group is None else request.group.id,
                    cells=stored,
                    pinned=held_by(stored),
                )
                weights = tuple((each.name, round(each.total, 3)) for each in candidates)
                return Place(one.name, one.zone, weights, stored)
        if not candidates:
            return None
        request = with_refused(request, project_id)
    return None


def _promise_cells(
    number: int, project_id: str, request: PlacementRequest
) -> tuple[CellPlace, ...] | None:
    """Return where in a host's cells the server goes, once that is its own; None where it does not fit.

    Whoever came into the cells since it was looked makes that a look at the past, and it is looked again.
    """
    wanted, seen = request.numa, -1
    condition = together(conditions(replace(request, project_id=project_id)))
    while wanted is not None:
        version, found = look(number, wanted)
        if isinstance(found, str) or version == seen:
            return None
        seen = version
        held = sum(len(cell.holds) for cell in found)
        more = _more(
            vcpus_used=request.vcpus, ram_used=request.ram, disk_used=request.disk, pinned=held
        )
        row = Host.objects.with_room().filter(condition, number=number, cells_taken=version)
        if takes(partial(row.update, **more, cells_taken=version + 1)):
            return found
    return None


def _fits(request: PlacementRequest, *, but: Filter | None = None) -> Q:
    """Return the condition of a host that passes every other filter; what is ``_given`` comes later."""
    others = [found for found in conditions(request) if found[0] not in (PROJECT, UP, but)]
    return together(others) & may_use(PROJECT_ID) & is_up(services.SINCE)


def best(request: PlacementRequest, project_id: str) -> list[Candidate]:
    """Return the best hosts that fit, the best first: of these one is drawn."""
    rows: list[Any] = []
    values = _given(request, project_id)
    for turn in turns(request):
        rows = _best(alike(request), turn).rows(
            image=request.image_id, young_since=now() - conf.YOUNG_FOR, **values
        )
        if rows:
            break
    found = [Candidate(*row) for row in rows]
    found.sort(key=lambda one: (one.suits, one.total), reverse=True)
    return found[: conf.CANDIDATES]


def _given(request: PlacementRequest, project_id: str) -> dict[str, Any]:
    """Return what differs between requests that are alike."""
    return {"since": services.silent_since(), "project": project_id, **given(request)}


@lru_cache(KEPT)
def _best(request: PlacementRequest, turn: Turn) -> Prepared[Any]:
    """Return the question for the best hosts that fit, of which the rest is asked."""
    prefers, more = suits(request, turn), asked()
    count = conf.CANDIDATES if more is None else conf.LOOKED_AT
    order = ("-weight", "number") if prefers is None else ("-suits", "-weight", "number")
    return Prepared(
        lambda: (
            Host.objects.with_room()
            .filter(_fits(request, but=GROUP), turn(request))
            .annotate(suits=prefers or Value(0), more=more or Value(0.0))
            .order_by(*order)
            .values_list("number", "weight", "name", "zone", "suits", "more")[:count]
        )
    )


def _drawn(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates, those that suit best first, in a random order in which the emptier tend to."""

    def key(candidate: Candidate) -> tuple[int, float]:
        drawn = random.random() ** (1 / max(candidate.total, 1e-3) ** PREFERENCE)  # noqa: S311
        return candidate.suits, float(drawn)

    return sorted(candidates, key=key, reverse=True)


@lru_cache(KEPT)
def _promise(request: PlacementRequest) -> PreparedUpdate:
    """Return what adds the server to a host's sums if it still passes every filter."""
    return PreparedUpdate(
        lambda: Host.objects.with_room().filter(_fits(request), number=Given("number")),
        **_more(vcpus_used=request.vcpus, ram_used=request.ram, disk_used=request.disk),
    )


def _more(**used: int) -> dict[str, Any]:
    """Return what changes of a host's row when so much more of it is used."""
    return {name: F(name) + amount for name, amount in used.items()} | {"weight": weight(**used)}
