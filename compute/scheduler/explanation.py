"""Why no host fits, in words: one aggregate for the counts, one short list of the nearest hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, IntegerField, Max, Q, Value, When
from django.db.models.expressions import Combinable

from cloudweb.placing import listed, together
from compute.exceptions import NoValidHost, SuitableHostsDown
from compute.models import Host
from compute.querysets import DISK_LEFT, RAM_LEFT, VCPUS_LEFT, may_come_back
from compute.scheduler.cells import with_refused
from compute.scheduler.filters import NUMA, Filter, conditions
from compute.scheduler.request import PlacementRequest

#: How many hosts an explanation names to operators.
NAMED = 50
LEFT: dict[str, Combinable] = {"vcpus": VCPUS_LEFT, "ram": RAM_LEFT, "disk": DISK_LEFT}
BEGINNING = "No valid host was found."


@dataclass(frozen=True, slots=True)
class Removed:
    """How many of the hosts that were left a filter removed, and the most that one of them had."""

    filter: Filter
    count: int
    most: int | None

    def words(self, request: PlacementRequest) -> str:
        """Return ``2 have too little RAM left (8,192 MiB wanted, at most 1,024 MiB left)``."""
        text = f"{self.count:,} {self.filter.sentence(request, self.count)}"
        capacity = self.filter.capacity
        if capacity is None or self.most is None:
            return text
        wanted = capacity.amount(getattr(request, capacity.field))
        return f"{text} ({wanted} wanted, at most {capacity.amount(self.most)} left)"


def explain(request: PlacementRequest) -> NoValidHost:
    """Return the error that tells why this request fits nowhere."""
    request = with_refused(request, request.project_id)
    found = conditions(request)
    known = facts(found)
    total = known["total"]
    if not total:
        return NoValidHost(f"{BEGINNING} This cloud has no compute host yet.")
    near = nearest(found)
    gone = [item for item in removed(found, known) if item.count]
    if gone:
        reasons = listed([item.words(request) for item in gone])
        hosts = "1 host" if total == 1 else f"{total:,} hosts"
        why = f"Of {hosts}, {reasons}."
        remedy = _remedy(request, found, known, near)
    else:
        why = "Other servers took the last places at the same moment."
        remedy = "Try again."
    kind = SuitableHostsDown if _would_fit(found) else NoValidHost
    return kind(
        f"{BEGINNING} {why} {remedy}",
        detail=f"{why} {_by_host(request, found, near, total=total)}",
    )


def _would_fit(found: Sequence[tuple[Filter, Q]]) -> bool:
    """Tell whether a host would fit if only it were up, and may come up again."""
    others = together([other for other in found if other[0].name != "up"])
    return Host.objects.with_room().filter(others, may_come_back()).exists()


def facts(found: Sequence[tuple[Filter, Q]]) -> dict[str, Any]:
    """Return, by one statement, how many hosts pass each filter and those before it, and what they have.

    ``passed_<n>`` counts after the n-th filter, ``most_<n>`` is the most that was left before it,
    ``most_but_<n>`` the most that is left where all other filters pass.
    """
    wanted: dict[str, Any] = {"total": Count("pk")}
    for index, (item, _) in enumerate(found):
        before = together(list(found[:index]))
        wanted[f"passed_{index}"] = Count("pk", filter=together(list(found[: index + 1])))
        if item.capacity is not None:
            left = LEFT[item.capacity.field]
            others = together([other for other in found if other[0] is not item])
            wanted[f"most_{index}"] = Max(left, filter=before)
            wanted[f"most_but_{index}"] = Max(left, filter=others)
    return Host.objects.with_room().aggregate(**wanted)


def removed(found: Sequence[tuple[Filter, Q]], known: dict[str, Any]) -> list[Removed]:
    counted = []
    remaining = known["total"]
    for index, (item, _) in enumerate(found):
        passed = known[f"passed_{index}"]
        counted.append(Removed(item, remaining - passed, _whole(known.get(f"most_{index}"))))
        remaining = passed
    return counted


def nearest(found: Sequence[tuple[Filter, Q]], **more: Combinable) -> list[dict[str, Any]]:
    """Return the hosts that miss fewest filters, with a 1 for each they pass (``passes_<name>``).

    ``more`` is read along.
    """
    passes = {
        f"passes_{item.name}": Case(
            When(condition, then=Value(1)), default=Value(0), output_field=IntegerField()
        )
        for item, condition in found
    }
    score: Any = sum(passes.values(), start=Value(0))
    rows = (
        Host.objects.with_room()
        .annotate(**passes, score=score)
        .annotate(room_vcpus=VCPUS_LEFT, room_ram=RAM_LEFT, room_disk=DISK_LEFT, **more)
        .order_by("-score", "-weight", "number")
    )
    return list(rows.values("name", "zone", "disabled_reason", *_columns(passes), *more)[:NAMED])


def _columns(passes: dict[str, Any]) -> list[str]:
    return [*passes, "room_vcpus", "room_ram", "room_disk"]


def _remedy(
    request: PlacementRequest,
    found: Sequence[tuple[Filter, Q]],
    known: dict[str, Any],
    near: Sequence[dict[str, Any]],
) -> str:
    """Return the smallest change that would fit."""
    for index, (item, _) in enumerate(found):
        most = _whole(known.get(f"most_but_{index}"))
        if item.capacity is not None and most:
            return f"A flavor with at most {item.capacity.part(most)} would fit now."
    smaller = _smaller_in_several(found, near)
    if smaller:
        return f"A flavor with at most {smaller} would fit now."
    if any(_missed(found, host) == [NUMA.name] for host in near):
        return "It would fit now without its NUMA topology, dedicated CPUs and page size."
    zones = sorted(
        {host["zone"] for host in near if _missed(found, host) == ["zone"]} - {request.zone}
    )
    if zones:
        return f"It would fit now in the availability zone {' or '.join(zones)}."
    return "No smaller flavor would fit now either; try again later or ask the operator."


def _smaller_in_several(
    found: Sequence[tuple[Filter, Q]], near: Sequence[dict[str, Any]]
) -> str | None:
    """Return what the nearest host has of everything it lacks, if it lacks nothing but room."""
    capacities = {item.name: item.capacity for item, _ in found if item.capacity is not None}
    for host in near:
        missed = _missed(found, host)
        room = {name: _whole(host[f"room_{name}"]) for name in missed if name in capacities}
        if missed and len(room) == len(missed) and all(room.values()):
            return listed([capacities[name].part(left or 0) for name, left in room.items()])
    return None


def _missed(found: Sequence[tuple[Filter, Q]], host: dict[str, Any]) -> list[str]:
    return [item.name for item, _ in found if not host[f"passes_{item.name}"]]


def misses(
    request: PlacementRequest, found: Sequence[tuple[Filter, Q]], host: dict[str, Any]
) -> list[tuple[str, str]]:
    """Return each filter that a host of ``nearest`` does not pass, with why, for operators."""
    missed, why_not = [], dict(request.cells_refused)
    for item, _ in found:
        if host[f"passes_{item.name}"]:
            continue
        text = item.sentence(request, 1)
        if item.capacity is not None:
            left = _whole(host[f"room_{item.name}"]) or 0
            short = getattr(request, item.capacity.field) - left
            text = f"{item.capacity.part(short)} short"
        elif item is NUMA:
            text = why_not.get(host["name"], "has too few dedicated CPUs left")
        elif item.name == "enabled" and host["disabled_reason"]:
            text = f"{text} ({host['disabled_reason']})"
        missed.append((item.name, text))
    return missed


def _by_host(
    request: PlacementRequest,
    found: Sequence[tuple[Filter, Q]],
    near: Sequence[dict[str, Any]],
    *,
    total: int,
) -> str:
    """Return every near host by name with all that it misses, for operators."""
    lines = []
    for host in near:
        missed = [text for _, text in misses(request, found, host)]
        lines.append(f"{host['name']}: {', '.join(missed) or 'fits now'}")
    more = f"; and {total - len(near):,} more" if total > len(near) else ""
    return f"By host: {'; '.join(lines)}{more}."


def _whole(number: float | None) -> int | None:
    return None if number is None else max(0, int(number))
