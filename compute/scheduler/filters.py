"""The filters, in the order in which an explanation names them.

A filter is a condition on hosts, or None where the request does not care. It may name
``vcpus_left``, ``ram_left`` and ``disk_left`` (``HostQuerySet.with_room``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from django.db.models import F, Q

from cloudweb import placing
from cloudweb.database.prepared import Given
from cloudweb.placing import be, have
from compute.models import Aggregate, Claim, HostReservation
from compute.querysets import is_up
from compute.scheduler.groups import of_group
from compute.scheduler.queries import condition_of
from compute.scheduler.request import PlacementRequest
from compute.traits import CUSTOM


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a capacity filter compares: the field of the request and its words."""

    field: str  # of PlacementRequest; the hosts' side is ``<field>_left``
    unit: str
    words: str

    def amount(self, number: int) -> str:
        """Return ``1,024 MiB``, or a bare number of virtual CPUs."""
        return f"{number:,} {self.unit}".rstrip()

    def part(self, number: int) -> str:
        """Return ``1,024 MiB of RAM``, ``1 vCPU``, ``2 vCPUs``."""
        words = f"vCPU{'' if number == 1 else 's'}" if self.field == "vcpus" else f"of {self.words}"
        return f"{self.amount(number)} {words}"


@dataclass(frozen=True)
class Filter(placing.Filter[PlacementRequest]):
    """One of hosts."""

    capacity: Capacity | None = None


def _capabilities(request: PlacementRequest) -> Q | None:
    if not request.capabilities:
        return None
    return Q(capabilities__has_keys=list(request.capabilities))


def _on_networks(request: PlacementRequest) -> Q | None:
    if request.hosts is None:
        return None
    return Q(
        name__in=request.hosts or ("",)
    )  # no host is called that; of nothing there is no statement


def _in_aggregates(request: PlacementRequest) -> Q | None:
    if not request.aggregates:
        return None
    return reduce(and_, (_members(ids or (-1,)) for _, ids in request.aggregates))


def _members(aggregates: Sequence[int]) -> Q:
    """Return the condition of the hosts of any of these aggregates."""
    members = Aggregate.hosts.through.objects
    return Q(pk__in=members.filter(aggregate__in=aggregates).values("host"))


def _hypervisor(request: PlacementRequest) -> Q | None:
    """Return the condition of the hosts whose hypervisor is what the image asks for.

    ``kvm`` is QEMU that is accelerated.
    """
    image = request.image
    if not image.hypervisor:
        return None
    found = Q(**{f"hypervisor_version__{name}": number for name, number in image.versions})
    if image.hypervisor_type == "kvm":
        return found & Q(hypervisor_type__iexact="qemu", accelerated=True)
    return (
        found & Q(hypervisor_type__iexact=image.hypervisor_type) if image.hypervisor_type else found
    )


def _with_traits(names: Sequence[str]) -> Q:
    return _named("has_keys", names, and_)


def _with_any(names: Sequence[str]) -> Q:
    return _named("has_any_keys", names, or_)


def _named(lookup: str, names: Sequence[str], joined: Callable[[Q, Q], Q]) -> Q:
    """Ask for traits where they are: those that operators gave, and those that hosts report."""
    columns: dict[str, list[str]] = {}
    for name in names:
        columns.setdefault("custom_traits" if name.startswith(CUSTOM) else "traits", []).append(
            name
        )
    return reduce(joined, (Q(**{f"{key}__{lookup}": some}) for key, some in columns.items()))


def may_use(project_id: str | Given) -> Q:
    """Return the condition of the hosts that are for everybody, or for this project among others."""
    own = HostReservation.objects.filter(project_id=project_id).order_by()
    return Q(reserved=False) | Q(pk__in=own.values("host"))


def _hosts_of(request: PlacementRequest, instance_ids: Sequence[str]) -> Q:
    """Return the condition of the hosts that hold one of these servers; other projects' do not count."""
    claims = Claim.objects.filter(instance_id__in=instance_ids, project_id=request.project_id)
    return Q(pk__in=claims.values("host"))


def _words_of_group(request: PlacementRequest, count: int) -> str:
    if request.group is not None and request.group.policy == "affinity":
        return f"{have(count)} none of its server group"
    return f"{have(count)} as many of its server group as may be on one host"


def _room(capacity: Capacity) -> Filter:
    """Keep hosts with room; a server that needs nothing of a kind fits where that is used up."""

    def condition(request: PlacementRequest) -> Q | None:
        wanted = getattr(request, capacity.field)
        return Q(**{f"{capacity.field}_left__gte": wanted}) if wanted > 0 else None

    short = "too few" if capacity.field == "vcpus" else "too little"
    return Filter(
        capacity.field,
        condition,
        lambda _request, count: f"{have(count)} {short} {capacity.words} left",
        capacity,
    )


def _numa(request: PlacementRequest) -> Q | None:
    """Return the condition of hosts in whose cells the server may fit: the rest is looked at (``cells``)."""
    if request.numa is None:
        return None
    enough = Q(dedicated__gte=F("pinned") + request.dedicated)
    refused = [name for name, _ in request.cells_refused]
    return enough & ~Q(name__in=refused) if refused else enough


def _words_of_cells(request: PlacementRequest, count: int) -> str:
    wanted = request.numa.words() if request.numa else ""
    reasons = [why for why, _ in Counter(why for _, why in request.cells_refused).most_common(3)]
    why = f": {', or '.join(reasons)}" if reasons else ""
    hosts = "it" if count == 1 else "each"
    return (
        f"cannot fit the requested NUMA topology ({wanted}{f'; {hosts}{why[1:]}' if why else ''})"
    )


GROUP = Filter("group", of_group, _words_of_group)
NUMA = Filter("numa", _numa, _words_of_cells)
UP = Filter("up", lambda _: is_up(), lambda _, count: f"{be(count)} down")
PROJECT = Filter(
    "project",
    lambda request: may_use(request.project_id),
    lambda _, count: f"{be(count)} kept for other projects",
)
FILTERS: tuple[Filter, ...] = (
    Filter("enabled", lambda _: Q(enabled=True), lambda _, count: f"{be(count)} disabled"),
    UP,
    Filter(
        "zone",
        lambda request: None if request.zone is None else Q(zone=request.zone),
        lambda request, count: f"{be(count)} not in the availability zone {request.zone}",
    ),
    Filter(
        "host",
        lambda request: None if request.host is None else Q(name=request.host),
        lambda _, count: f"{be(count)} not the host that was asked for",
    ),
    Filter(
        "driver",
        lambda request: None if request.driver is None else Q(driver=request.driver),
        lambda request, count: f"{'does' if count == 1 else 'do'} not run {request.driver}",
    ),
    Filter(
        "capabilities",
        _capabilities,
        lambda request, _: f"cannot do {' and '.join(request.capabilities)}",
    ),
    Filter(
        "architecture",
        lambda one: (
            Q(architecture__in=one.image.architectures) if one.image.architectures else None
        ),
        lambda one, count: f"{be(count)} of another architecture than {one.image.architectures[0]}",
    ),
    Filter(
        "hypervisor",
        _hypervisor,
        lambda one, count: f"{be(count)} no {one.image.hypervisor} that its image asks for",
    ),
    Filter(
        "traits",
        lambda one: _with_traits(one.traits) if one.traits else None,
        lambda one, count: f"{be(count)} without {' or '.join(one.traits)}",
    ),
    Filter(
        "forbidden_traits",
        lambda one: ~_with_any(one.forbidden_traits) if one.forbidden_traits else None,
        lambda one, count: f"{have(count)} {' or '.join(one.forbidden_traits)}",
    ),
    Filter(
        "not_excluded",
        lambda request: ~Q(name__in=request.excluded_hosts) if request.excluded_hosts else None,
        lambda _, __: "failed to build it already",
    ),
    Filter(
        "networks",
        _on_networks,
        lambda _, count: f"{be(count)} not on its networks",
    ),
    PROJECT,
    Filter(
        "aggregates",
        _in_aggregates,
        lambda one, count: (
            f"{be(count)} in no aggregate with {' and '.join(word for word, _ in one.aggregates)}"
        ),
    ),
    Filter(
        "image_aggregates",
        lambda one: ~_members(one.refused_aggregates) if one.refused_aggregates else None,
        lambda _, count: f"{be(count)} kept for other images",
    ),
    Filter(
        "same_host",
        lambda one: _hosts_of(one, one.together_with) if one.together_with else None,
        lambda _, count: f"{have(count)} none of the servers it is to be with",
    ),
    Filter(
        "different_host",
        lambda one: ~_hosts_of(one, one.apart_from) if one.apart_from else None,
        lambda _, count: f"{have(count)} a server it is not to be with",
    ),
    GROUP,
    Filter(
        "query",
        lambda one: condition_of(one.query) if one.query else None,
        lambda _, count: f"{be(count)} not what its query asks for",
    ),
    Filter(
        "near",
        lambda one: None if one.near is None else Q(name__in=one.near or ("",)),
        lambda _, count: f"{have(count)} no address near the one it is to be near",
    ),
    _room(Capacity("vcpus", "", "vCPUs")),
    _room(Capacity("ram", "MiB", "RAM")),
    _room(Capacity("disk", "GiB", "disk")),
    NUMA,
)


def conditions(request: PlacementRequest) -> list[tuple[Filter, Q]]:
    """Return the filters this request cares about, each with its condition."""
    return placing.conditions(FILTERS, request)
