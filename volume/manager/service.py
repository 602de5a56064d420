"""Services as operators see them: each back end of each host, and the control plane's scheduler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudweb.manager import Manager
from cloudweb.policy import policy
from operations import services
from operations.services import Sighting
from volume import conf
from volume.exceptions import ServiceNotFound, ServiceNotManaged, ServiceNotReplicated
from volume.models import Pool
from volume.querysets import DOMAIN

#: Domain of a service -> the name that OpenStack's clients know it by.
BINARIES = {DOMAIN: "cinder-volume", "scheduler": "cinder-scheduler"}


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A service; a back end's host is ``h1@file``. ``sound``: no pool of it has a problem."""

    binary: str
    host: str
    zone: str
    enabled: bool
    disabled_reason: str
    up: bool
    seen_at: datetime | None
    is_backend: bool = False
    frozen: bool = False
    sound: bool = True


class ServiceManager(Manager):
    """Services by what they report; a back end can be disabled and frozen, the scheduler cannot.

    What is decided about a back end is decided about all its pools.
    """

    @policy("volume:services:list")
    def list(self, *, binary: str | None = None, host: str | None = None) -> Sequence[ServiceInfo]:
        """Return all services, or those of one binary and one host (``h1``, ``h1@file``)."""
        domains = [name for name, word in BINARIES.items() if binary in (None, word)]
        seen = services.sightings(*domains, hosts=None if host is None else [_machine(host)])
        found = [info for one in _backends(seen) for info in one]
        return [info for info in found if host in (None, info.host, _machine(info.host))]

    @policy("volume:services:update")
    def enable(self, host: str, *, binary: str = BINARIES[DOMAIN]) -> ServiceInfo:
        """Let volumes be placed on a back end again; raise ServiceNotFound, ServiceNotManaged."""
        return self._change(host, binary, enabled=True, disabled_reason="")

    @policy("volume:services:update")
    def disable(
        self, host: str, *, reason: str = "", binary: str = BINARIES[DOMAIN]
    ) -> ServiceInfo:
        """Place nothing more on a back end; raise ServiceNotFound, ServiceNotManaged."""
        return self._change(host, binary, enabled=False, disabled_reason=reason)

    @policy("volume:services:freeze")
    def freeze(self, host: str, *, frozen: bool) -> ServiceInfo:
        """Let nothing new come to a back end, or let it again; raise ServiceNotFound."""
        return self._change(host, BINARIES[DOMAIN], frozen=frozen)

    @policy("volume:services:fail_over")
    def fail_over(self, host: str) -> None:
        """Raise ServiceNotFound, else ServiceNotReplicated: no back end here is replicated."""
        self._pools(host, BINARIES[DOMAIN])
        raise ServiceNotReplicated(host)

    def _change(self, host: str, binary: str, **facts: object) -> ServiceInfo:
        pools = self._pools(host, binary)
        Pool.objects.filter(pk__in=[pool.pk for pool in pools]).update(**facts)
        return next(info for info in self.list(binary=binary, host=host) if info.is_backend)

    def _pools(self, host: str, binary: str) -> Sequence[Pool]:
        if binary != BINARIES[DOMAIN]:
            if self.list(binary=binary, host=host):
                raise ServiceNotManaged(binary)
            raise ServiceNotFound(binary=binary, host=host)
        machine, _, backend = host.partition("#")[0].partition("@")
        found = list(Pool.objects.filter(host=machine, backend=backend))
        if not found:
            raise ServiceNotFound(binary=binary, host=host)
        return found


def _machine(host: str) -> str:
    return host.partition("@")[0]


def _backends(seen: Collection[Sighting]) -> Sequence[Sequence[ServiceInfo]]:
    """Return the services of each sighting: of a host's agent one for each of its back ends."""
    hosts = [one.host for one in seen if one.domain == DOMAIN]
    pools: defaultdict[str, defaultdict[str, list[Pool]]] = defaultdict(lambda: defaultdict(list))
    for pool in Pool.objects.filter(host__in=hosts) if hosts else ():
        pools[pool.host][pool.backend].append(pool)
    return [
        [_backend(one, name, rows) for name, rows in sorted(pools[one.host].items())]
        if one.domain == DOMAIN and pools[one.host]
        else [_plain(one)]
        for one in seen
    ]


def _plain(seen: Sighting) -> ServiceInfo:
    """Return a service of the control plane, or of a host that has reported no pool yet."""
    return ServiceInfo(
        binary=BINARIES[seen.domain],
        host=seen.host,
        zone=conf.DEFAULT_ZONE,
        enabled=True,
        disabled_reason="",
        up=seen.up,
        seen_at=seen.last_seen_at,
    )


def _backend(seen: Sighting, name: str, pools: Sequence[Pool]) -> ServiceInfo:
    disabled = [pool for pool in pools if not pool.enabled]
    return ServiceInfo(
        binary=BINARIES[DOMAIN],
        host=f"{seen.host}@{name}",
        zone=pools[0].zone,
        enabled=len(disabled) < len(pools),
        disabled_reason=disabled[0].disabled_reason if len(disabled) == len(pools) else "",
        up=seen.up,
        seen_at=seen.last_seen_at,
        is_backend=True,
        frozen=all(pool.frozen for pool in pools),
        sound=not any(pool.problem for pool in pools),
    )
