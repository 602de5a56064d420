"""Port forwardings: ports of a floating IP that lead to ports of a port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from django.db import transaction

from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network import news
from network.backend import refuse_under_ovn
from network.exceptions.routing import (
    FloatingIpAssociated,
    FloatingIPNotFound,
    PortForwardingExists,
    PortForwardingNotFound,
)
from network.manager.floating import check_still_between, router_between
from network.manager.floating_ip import FloatingIpManager, address_of
from network.manager.standard import Identifier, StandardManager, number
from network.manager.tied import the_port, tied_to
from network.models import FloatingIp, PortForwarding

PROTOCOLS = ("tcp", "udp", "sctp", "dccp")
MOST_PORTS = 1000  # in one row


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports in a row, both ends included."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}" if self.count == 1 else f"{self.first}:{self.last}"


class ForwardingChanges(TypedDict, total=False):
    """What may change on a forwarding."""

    description: str
    protocol: str
    internal_port_id: Identifier
    internal_ip_address: str
    internal: Ports
    external: Ports


class PortForwardingManager(StandardManager[PortForwarding]):
    """The forwardings of one floating IP of the caller's project."""

    model = PortForwarding
    missing = PortForwardingNotFound

    @policy("network:port_forwardings:list")
    def list(
        self, floating_ip_id: Identifier, listing: Listing = EVERYTHING
    ) -> Page[PortForwarding]:
        """Return the forwardings of the floating IP; raise FloatingIPNotFound."""
        floating = FloatingIpManager(self.context).get(floating_ip_id)
        rows = self._rows().complete().filter(floating_ip=floating)
        return self._page(listing, rows)

    @policy("network:port_forwardings:get")
    def get(self, floating_ip_id: Identifier, forwarding_id: Identifier) -> PortForwarding:
        """Return a forwarding; raise FloatingIPNotFound, PortForwardingNotFound."""
        floating = FloatingIpManager(self.context).get(floating_ip_id)
        return self._of(floating, self._get(forwarding_id))

    @policy("network:port_forwardings:create")
    def create(
        self,
        floating_ip_id: Identifier,
        *,
        protocol: str,
        internal_port_id: Identifier,
        internal: Ports,
        external: Ports,
        internal_ip_address: str | None = None,
        description: str = "",
    ) -> PortForwarding:
        """Lead some ports on.

        Raises FloatingIPNotFound, FloatingIpAssociated, PortForwardingExists, PortNotFound,
        ExternalGatewayForFloatingIPNotFound, InvalidInput.
        """
        with tied_to(the_port(internal_port_id)), transaction.atomic():
            floating = self._locked(floating_ip_id)
            if floating.fixed_port_id is not None:
                raise FloatingIpAssociated(floating.floating_ip_address)
            row = PortForwarding(
                project_id=floating.project_id, floating_ip=floating, description=description
            )
            self._write(
                floating,
                row,
                protocol=protocol,
                internal_port_id=internal_port_id,
                internal_ip_address=internal_ip_address,
                internal=internal,
                external=external,
            )
            row.save(force_insert=True)
        return row

    @policy("network:port_forwardings:create")
    def create_many(
        self, floating_ip_id: Identifier, items: Sequence[Mapping[str, Any]]
    ) -> Sequence[PortForwarding]:
        """Make all of them or none."""
        with transaction.atomic():
            return [self.create(floating_ip_id, **item) for item in items]

    @policy("network:port_forwardings:update")
    def update(
        self,
        floating_ip_id: Identifier,
        forwarding_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[ForwardingChanges],
    ) -> PortForwarding:
        """Change where ports lead. Raises as ``create`` does."""
        with tied_to(the_port(changes.get("internal_port_id"))), transaction.atomic():
            floating = self._locked(floating_ip_id)
            row = self._of(
                floating, self._writable(forwarding_id, "network:port_forwardings:update")
            )
            row = self._changing(row, if_revision)
            row.description = changes.get("description", row.description)
            port = changes.get("internal_port_id")
            moved = port is not None and number(port) != row.internal_port_id
            self._write(
                floating,
                row,
                protocol=changes.get("protocol", row.protocol),
                internal_port_id=port or row.internal_port_id,
                internal_ip_address=changes.get(
                    "internal_ip_address", None if moved else row.internal_ip_address
                ),
                internal=changes.get("internal", Ports(row.internal_first, row.internal_last)),
                external=changes.get("external", Ports(row.external_first, row.external_last)),
            )
            row.save()
        return row

    @policy("network:port_forwardings:delete")
    def delete(
        self,
        floating_ip_id: Identifier,
        forwarding_id: Identifier,
        *,
        if_revision: int | None = None,
    ) -> None:
        """Lead these ports nowhere; the last one takes the floating IP from its router."""
        with transaction.atomic():
            floating = self._locked(floating_ip_id)
            row = self._of(
                floating, self._writable(forwarding_id, "network:port_forwardings:delete")
            )
            self._changing(row, if_revision).delete()
            router = floating.router_id
            if not PortForwarding.objects.filter(floating_ip=floating).exists():
                FloatingIp.objects.filter(id=floating.id).update(router=None)
            news.routers_changed(router)

    def _locked(self, floating_ip_id: Identifier) -> FloatingIp:
        """Return the floating IP as it is now, locked until the transaction ends."""
        floating = FloatingIpManager(self.context).get(floating_ip_id)
        same = FloatingIp.objects.filter(id=floating.id)
        found = same.complete().first() if same.touch() else None
        if found is None:
            raise FloatingIPNotFound(floating_ip_id)
        return found

    @staticmethod
    def _of(floating: FloatingIp, row: PortForwarding) -> PortForwarding:
        if row.floating_ip_id != floating.id:
            raise PortForwardingNotFound(row.id)
        return row

    def _write(
        self,
        floating: FloatingIp,
        row: PortForwarding,
        *,
        protocol: str,
        internal_port_id: Identifier,
        internal_ip_address: str | None,
        internal: Ports,
        external: Ports,
    ) -> None:
        """Put checked values into the row, and the floating IP on the router that leads there."""
        _check(protocol, internal, external)
        others = PortForwarding.objects.filter(floating_ip=floating, protocol=protocol)
        if (
            others.exclude(id=row.id)
            .filter(external_first__lte=external.last, external_last__gte=external.first)
            .exists()
        ):
            raise PortForwardingExists(
                floating.floating_ip_address, protocol=protocol, ports=str(external)
            )
        address = address_of(self, internal_port_id, internal_ip_address)
        router = router_between(floating.floating_network, address)
        rest = floating.port_forwardings.exclude(id=row.id).exists()
        if rest and floating.router_id != router.id:
            raise BadRequest(
                f"Floating IP {floating.floating_ip_address} forwards ports by another router."
            )
        row.protocol = protocol
        row.internal_port_id = address.port_id
        row.internal_ip_address = address.ip_address
        row.internal_first, row.internal_last = internal.first, internal.last
        row.external_first, row.external_last = external.first, external.last
        before = floating.router_id
        FloatingIp.objects.filter(id=floating.id).update(router=router)
        news.routers_changed(before, router.id)
        check_still_between(router, floating.floating_network, address)


def _check(protocol: str, internal: Ports, external: Ports) -> None:
    if protocol not in PROTOCOLS:
        raise InvalidInput(
            field="protocol", value=protocol, reason=f"It must be one of {', '.join(PROTOCOLS)}."
        )
    if protocol == "dccp":
        refuse_under_ovn(field="protocol", value=protocol, what="port forwardings of DCCP")
    for field, ports in (("internal_port_range", internal), ("external_port_range", external)):
        if not 1 <= ports.first <= ports.last <= 65535 or ports.count > MOST_PORTS:
            raise InvalidInput(
                field=field,
                value=str(ports),
                reason=f"It must be within 1 to 65535, and at most {MOST_PORTS} ports.",
            )
    if internal.count not in (1, external.count):
        raise InvalidInput(
            field="internal_port_range",
            value=str(internal),
            reason="It must be one port, or as many as outside.",
        )
