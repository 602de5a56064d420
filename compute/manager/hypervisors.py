"""Hypervisors: hosts as the API shows their capacity to operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudweb.exceptions import BadRequest
from cloudweb.identifiers import as_uuid
from cloudweb.listing import MAX_LIMIT, Page, paginate
from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.exceptions import HypervisorDown, HypervisorNotFound
from compute.manager.services import ServiceInfo, agents_of
from compute.models import Host
from compute.querysets import HostQuerySet


@dataclass(slots=True)
class Statistics:
    """Sums over the enabled hosts; MiB and GiB."""

    count: int = 0
    vcpus: int = 0
    vcpus_used: int = 0
    ram: int = 0
    ram_used: int = 0
    disk: int = 0
    disk_used: int = 0
    running_guests: int = 0


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """A host and its agent; no agent is known for the moment between its first report and the row."""

    host: Host
    service: ServiceInfo | None

    @property
    def uptime(self) -> str | None:
        """What a host that is up said of it last, perhaps nothing; None for one that is down."""
        is_up = self.service is not None and self.service.up
        return self.host.uptime if is_up else None


class HypervisorManager(Manager):
    """Hosts by what they have and what of it is promised.

    An id is a UUID, or with ``numeric`` the number that clients below microversion 2.53 see.
    """

    @policy("compute:hypervisors:list")
    def list(
        self, *, limit: int = MAX_LIMIT, marker: str | None = None, numeric: bool = False
    ) -> Page[Hypervisor]:
        """Return a page of hosts; raise BadRequest for an unknown marker."""
        after = None
        if marker is not None:
            after = _find(Host.objects.all(), marker, numeric=numeric)
            if after is None:
                raise BadRequest(f"Marker {marker} could not be found.")
        page = paginate(Host.objects.all(), limit=limit, marker=after, order=("number",))
        return Page(_with_agents(page.rows), page.more)

    @policy("compute:hypervisors:list")
    def search(self, pattern: str) -> Sequence[Hypervisor]:
        """Return the hosts whose name contains the pattern; raise HypervisorNotFound for none."""
        found = list(Host.objects.filter(name__contains=pattern).order_by("number")[:MAX_LIMIT])
        if not found:
            raise HypervisorNotFound(pattern)
        return _with_agents(found)

    @policy("compute:hypervisors:show")
    def get(self, hypervisor_id: str, *, numeric: bool = False) -> Hypervisor:
        """Return a host; raise HypervisorNotFound."""
        host = _find(Host.objects.all(), hypervisor_id, numeric=numeric)
        if host is None:
            raise HypervisorNotFound(hypervisor_id)
        return _with_agents([host])[0]

    @policy("compute:hypervisors:show")
    def uptime(self, hypervisor_id: str, *, numeric: bool = False) -> Hypervisor:
        """Return a host that is up; raise HypervisorNotFound, and HypervisorDown in Nova's words."""
        found = self.get(hypervisor_id, numeric=numeric)
        if found.uptime is None:
            raise HypervisorDown(found.host.name)
        return found

    @policy("compute:hypervisors:list")
    def statistics(self) -> Statistics:
        """Return sums over all enabled hosts."""
        sums = Statistics()
        for host in Host.objects.filter(enabled=True):
            sums.count += 1
            sums.vcpus += host.vcpus
            sums.vcpus_used += host.vcpus_used_in_all
            sums.ram += host.ram
            sums.ram_used += host.ram_used_in_all
            sums.disk += host.disk
            sums.disk_used += host.disk_used_in_all
            sums.running_guests += host.running_guests
        return sums


def _with_agents(hosts: Sequence[Host]) -> Sequence[Hypervisor]:
    agents = agents_of(hosts)
    return [Hypervisor(host, agents.get(host.name)) for host in hosts]


def _find(rows: HostQuerySet, hypervisor_id: str, *, numeric: bool) -> Host | None:
    if numeric:
        is_number = hypervisor_id.isascii() and hypervisor_id.isdigit() and len(hypervisor_id) < 19
        return rows.filter(number=int(hypervisor_id)).first() if is_number else None
    parsed = as_uuid(hypervisor_id)
    return None if parsed is None else rows.filter(id=parsed).first()
