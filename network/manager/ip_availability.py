"""How many addresses networks have, and how many are taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Prefetch, QuerySet

from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network import ipam
from network.exceptions.networks import NetworkNotFound
from network.manager.standard import Identifier, StandardManager, number
from network.models import Network, Subnet

VERSIONS = (4, 6)


class SubnetAvailability(NamedTuple):
    """What a subnet's pools hold, and what ports have of the subnet."""

    subnet_id: str
    subnet_name: str
    cidr: str
    ip_version: int
    total_ips: int
    used_ips: int


class Availability(NamedTuple):
    """What a network's subnets hold together."""

    id: UUID
    name: str
    project_id: str
    subnets: Sequence[SubnetAvailability]

    @property
    def total_ips(self) -> int:
        """How many there are."""
        return sum(one.total_ips for one in self.subnets)

    @property
    def used_ips(self) -> int:
        """How many are taken."""
        return sum(one.used_ips for one in self.subnets)


class PoolSpace(NamedTuple):
    """How many addresses a subnet's pools hold, and how many of those no port has."""

    size: int
    free: int


class IpAvailabilityManager(StandardManager[Network]):
    """Addresses of the networks that the caller's project has: what is shared with it is its owner's to know."""

    model = Network
    missing = NetworkNotFound

    @policy("network:ip_availabilities:list")
    def list(
        self, listing: Listing = EVERYTHING, *, versions: Collection[int] = VERSIONS
    ) -> Page[Availability]:
        """Return all networks' addresses of these IP versions, in two statements."""
        page = self._page(listing, _counted(self._rows(), versions))
        return Page([_availability(row) for row in page.rows], page.more)

    @policy("network:ip_availabilities:get")
    def get(self, network_id: Identifier) -> Availability:
        """Return one network's addresses; raise NetworkNotFound."""
        row = _counted(self._rows(), VERSIONS).filter(id=number(network_id)).first()
        if row is None:
            raise NetworkNotFound(network_id)
        return _availability(row)

    @policy("network:ip_availabilities:get")
    def pools(self, network_id: Identifier) -> Mapping[UUID, PoolSpace]:
        """Return by subnet what may still be given out; raise NetworkNotFound."""
        rows = self._rows().prefetch_related("subnets__free_ranges")
        row = rows.filter(id=number(network_id)).first()
        if row is None:
            raise NetworkNotFound(network_id)
        return {
            one.id: PoolSpace(ipam.pool_size(one), ipam.free_of(one)) for one in row.subnets.all()
        }

    def _rows(self) -> Any:
        rows = Network.objects.all()
        return rows if self.context.is_admin else rows.filter(project_id=self.context.project_id)


def _counted(rows: Any, versions: Collection[int]) -> QuerySet[Network]:
    subnets = Subnet.objects.filter(ip_version__in=versions).annotate(used=Count("addresses"))
    in_order = subnets.order_by("created_at", "id")
    found: QuerySet[Network] = rows.prefetch_related(Prefetch("subnets", queryset=in_order))
    return found


def _availability(network: Network) -> Availability:
    subnets: Any = network.subnets.all()
    return Availability(
        id=network.id,
        name=network.name,
        project_id=network.project_id,
        subnets=[
            SubnetAvailability(
                subnet_id=str(subnet.id),
                subnet_name=subnet.name,
                cidr=subnet.cidr,
                ip_version=subnet.ip_version,
                total_ips=ipam.pool_size(subnet),
                used_ips=subnet.used,
            )
            for subnet in subnets
        ],
    )
