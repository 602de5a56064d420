"""What a server needs of a host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from uuid import UUID

from compute.guest_topology import WantedTopology

GroupPolicy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


class PlacementGroup(NamedTuple):
    """Servers that are to be on one host, or apart; ``most`` of them on a host where it is anti-affinity.

    The soft policies are a preference: a host that is not so is taken where no other fits.
    """

    id: UUID
    policy: GroupPolicy
    most: int = 1


class ImageNeeds(NamedTuple):
    """What an image asks of a host. ``versions`` are lookups with numbers as hosts tell them (7002000)."""

    architectures: tuple[str, ...] = ()
    hypervisor_type: str = ""
    versions: tuple[tuple[Literal["gt", "gte", "lt", "lte", "exact"], int], ...] = ()
    hypervisor: str = ""  # all of it in words; empty where any will do


NOTHING = ImageNeeds()
#: An operator and what it is applied to: names ("$free_ram_mb"), numbers, words, or more of these.
Query = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRequest:
    """What a server needs; sizes in MiB (``ram``) and GiB (``disk``, all local disks together).

    ``host`` asks for one host and no other (it must have room all the same); ``excluded_hosts`` are
    those that failed to build this server; ``capabilities`` are names of ``compute.drivers.base``.
    ``together_with`` and ``apart_from`` are ids of servers of project ``project_id``: a host of one of
    those, and no host of any of these. ``aggregates`` are phrases with the ids of the aggregates that
    answer them: a host is in one of each. ``hosts`` are those that serve its networks, None where all do.
    ``traits`` are those that a host must have, ``refused_aggregates`` have no host for its image.
    A host that has image ``image_id`` already is preferred; requests that differ in it alone are alike.
    ``instead_of`` is a server whose place this one takes: it is not in the way of its own group.
    ``numa`` is what it asks of its host's cells; its dedicated processors do not count among ``vcpus``.
    ``cells_refused`` are hosts where it was looked and that does not fit, each with why. ``query`` is what its
    user asks of hosts (``compute.scheduler.queries``), ``near`` the hosts that have an address where it wants to be.
    """

    vcpus: int
    ram: int
    disk: int = 0
    zone: str | None = None
    host: str | None = None
    driver: str | None = None
    capabilities: tuple[str, ...] = ()
    excluded_hosts: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = None
    project_id: str = ""
    together_with: tuple[str, ...] = ()
    apart_from: tuple[str, ...] = ()
    group: PlacementGroup | None = None
    aggregates: tuple[tuple[str, tuple[int, ...]], ...] = ()
    refused_aggregates: tuple[int, ...] = ()
    traits: tuple[str, ...] = ()
    forbidden_traits: tuple[str, ...] = ()
    image: ImageNeeds = NOTHING
    image_id: str = field(default="", compare=False)
    instead_of: str = ""
    numa: WantedTopology | None = None
    cells_refused: tuple[tuple[str, str], ...] = ()
    query: Query = ()
    near: tuple[str, ...] | None = None

    @property
    def dedicated(self) -> int:
        """How many processors of its own it asks for."""
        return 0 if self.numa is None else self.numa.own
