"""Services as operators see them: the compute agent of each host, and the control plane's own."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute import conf
from compute.exceptions import ServiceNotFound, ServiceNotManaged
from compute.manager.hosts import HostManager
from compute.models import Host
from compute.querysets import DOMAIN
from operations import services
from operations.services import Sighting

#: Domain of a service -> the name that OpenStack's clients know it by.
BINARIES = {DOMAIN: "nova-compute", "conductor": "nova-conductor", "scheduler": "nova-scheduler"}


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A service; ``number`` is its id below microversion 2.53, ``seen_at`` the time of its last report."""

    number: int
    id: uuid.UUID
    binary: str
    host: str
    zone: str
    enabled: bool
    disabled_reason: str
    up: bool
    forced_down: bool
    seen_at: datetime | None

    @classmethod
    def of(cls, seen: Sighting, host: Host | None) -> ServiceInfo:
        """Join what was seen of a service with what was decided about its host."""
        return cls(
            number=seen.number,
            id=seen.id,
            binary=BINARIES[seen.domain],
            host=seen.host,
            zone=host.zone if host else conf.INTERNAL_ZONE,
            enabled=host.enabled if host else True,
            disabled_reason=host.disabled_reason if host else "",
            up=seen.up,
            forced_down=seen.forced_down,
            seen_at=seen.last_seen_at,
        )


def agents_of(hosts: Collection[Host]) -> dict[str, ServiceInfo]:
    """Return the compute agents of these hosts by host name, in one statement."""
    by_name = {host.name: host for host in hosts}
    seen = services.sightings(DOMAIN, hosts=by_name)
    return {item.host: ServiceInfo.of(item, by_name[item.host]) for item in seen}


class ServiceManager(Manager):
    """Services by what they report; a host's can be disabled, the control plane's cannot."""

    @policy("compute:services:list")
    def list(self, *, binary: str | None = None, host: str | None = None) -> Sequence[ServiceInfo]:
        """Return all services, or those of one binary and one host."""
        domains = [name for name, word in BINARIES.items() if binary in (None, word)]
        return self._found(services.sightings(*domains, hosts=None if host is None else [host]))

    @policy("compute:services:update")
    def update(
        self,
        service_id: str,
        *,
        enabled: bool | None = None,
        disabled_reason: str | None = None,
        forced_down: bool | None = None,
    ) -> ServiceInfo:
        """Enable or disable a host's compute service, or force it down; None leaves things be.

        Raises ServiceNotFound, and ServiceNotManaged for one of the control plane.
        """
        return self._change(
            self._get(service_id, numeric=False), enabled, disabled_reason, forced_down
        )

    @policy("compute:services:update")
    def update_named(
        self,
        *,
        host: str,
        binary: str,
        enabled: bool | None = None,
        disabled_reason: str | None = None,
        forced_down: bool | None = None,
    ) -> ServiceInfo:
        """Do the same by host and binary."""
        found = self.list(binary=binary, host=host)
        if not found:
            raise ServiceNotFound(f"Could not find binary {binary} on host {host}.")
        return self._change(found[0], enabled, disabled_reason, forced_down)

    @policy("compute:services:delete")
    def delete(self, service_id: str, *, numeric: bool = False) -> None:
        """Forget a host that holds no servers; a live one comes back with its next report.

        Raises ServiceNotFound, ServiceNotManaged, HostInUse.
        """
        info = self._managed(self._get(service_id, numeric=numeric))
        HostManager(self.context).delete(info.host)

    def _change(
        self,
        info: ServiceInfo,
        enabled: bool | None,
        disabled_reason: str | None,
        forced_down: bool | None,
    ) -> ServiceInfo:
        hosts = HostManager(self.context)
        name = self._managed(info).host
        if enabled is True:
            hosts.enable(name)
        elif enabled is False:
            hosts.disable(name, reason=disabled_reason or "")
        if forced_down is not None:
            hosts.force_down(name, forced=forced_down)
        return self._found(services.sightings(DOMAIN, hosts=[name]))[0]

    def _managed(self, info: ServiceInfo) -> ServiceInfo:
        if info.binary != BINARIES[DOMAIN]:
            raise ServiceNotManaged(
                f"{info.binary} cannot be changed: any number of it run, and any of them will do."
            )
        return info

    def _get(self, service_id: str, *, numeric: bool) -> ServiceInfo:
        wanted = service_id if numeric else as_uuid(service_id)
        for info in self._found(services.sightings(*BINARIES)):
            if wanted == (str(info.number) if numeric else info.id):
                return info
        raise ServiceNotFound(f"Service {service_id} not found.")

    def _found(self, seen: Collection[Sighting]) -> Sequence[ServiceInfo]:
        hosts = Host.objects.in_bulk(
            {item.host for item in seen if item.domain == DOMAIN}, field_name="name"
        )
        return [
            ServiceInfo.of(item, hosts.get(item.host) if item.domain == DOMAIN else None)
            for item in seen
        ]
