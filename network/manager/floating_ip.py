"""Floating IPs: taken from an external network, led to a port, given back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import IntegrityError, transaction

from cloudweb.exceptions import BadRequest
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import check, policy
from network import news, quota, states
from network.exceptions.networks import NetworkNotFound
from network.exceptions.ports import IpAddressGenerationFailure, PortNotFound
from network.exceptions.routing import (
    FloatingIpInUseByPortForwarding,
    FloatingIPNotFound,
    FloatingIPPortAlreadyAssociated,
)
from network.exceptions.subnets import SubnetNotFound
from network.manager.addressing import Wish, fitting
from network.manager.floating import check_still_between, router_between
from network.manager.held import held
from network.manager.port_parts import make_service_port, remove_port
from network.manager.qos_use import chosen_policy
from network.manager.standard import Identifier, StandardManager, number
from network.manager.tied import the_port, the_qos_policy, tied_to
from network.models import FloatingIp, Network, Port, PortAddress, Subnet


class FloatingIpChanges(TypedDict, total=False):
    """What may change on a floating IP; a port of None lets it lead nowhere."""

    description: str
    port_id: Identifier | None
    fixed_ip_address: str | None
    qos_policy_id: Identifier | None


class FloatingIpManager(StandardManager[FloatingIp]):
    """Floating IPs of the caller's project."""

    model = FloatingIp
    missing = FloatingIPNotFound

    @policy("network:floating_ips:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[FloatingIp]:
        """Return own floating IPs."""
        return self._page(listing)

    @policy("network:floating_ips:get")
    def get(self, floating_ip_id: Identifier) -> FloatingIp:
        """Return a floating IP; raise FloatingIPNotFound."""
        return self._get(floating_ip_id)

    @policy("network:floating_ips:list")
    def led_to(self, address: str) -> Collection[UUID]:
        """Return the ports to which floating addresses lead that begin so."""
        rows = FloatingIp.objects.visible_to(self.context).exclude(fixed_port=None)
        found = rows.filter(floating_ip_address__startswith=address)
        return {key for key in found.values_list("fixed_port_id", flat=True) if key is not None}

    @policy("network:floating_ips:create")
    def create(
        self,
        *,
        floating_network_id: Identifier,
        subnet_id: Identifier | None = None,
        floating_ip_address: str | None = None,
        port_id: Identifier | None = None,
        fixed_ip_address: str | None = None,
        description: str = "",
        dns_name: str = "",
        dns_domain: str = "",
        qos_policy_id: Identifier | None = None,
        project_id: str | None = None,
    ) -> FloatingIp:
        """Take an address of an external network, and lead it to a port if one is said.

        Raises NetworkNotFound, IpAddressGenerationFailure, QuotaExceeded, and as ``update`` does. A
        particular address is for operators.
        """
        if floating_ip_address is not None:
            check(self.context, "network:floating_ips:set_address")
        project = self._project(project_id)
        with tied_to(the_port(port_id), the_qos_policy(qos_policy_id)), transaction.atomic():
            network = self._external(floating_network_id)
            quota.reserve(project, "floatingip")
            floating = FloatingIp(
                project_id=project,
                floating_network=network,
                description=description,
                dns_name=dns_name,
                dns_domain=dns_domain,
                qos_policy_id=(
                    chosen_policy(self.context, qos_policy_id) if qos_policy_id else None
                ),
            )
            floating.port = self._take(floating, network, subnet_id, floating_ip_address)
            floating.floating_ip_address = floating.port.addresses.get().ip_address
            floating.save(force_insert=True)
            if port_id is not None:
                self._lead(floating, port_id, fixed_ip_address)
            elif fixed_ip_address is not None:
                raise BadRequest("A fixed_ip_address needs a port_id.")
        return FloatingIp.objects.complete().get(id=floating.id)

    @policy("network:floating_ips:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[FloatingIp]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:floating_ips:update")
    def update(
        self,
        floating_ip_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[FloatingIpChanges],
    ) -> FloatingIp:
        """Lead a floating IP to a port, or nowhere; the routers' hosts learn of it.

        Raises PortNotFound, ExternalGatewayForFloatingIPNotFound, FloatingIPPortAlreadyAssociated,
        FloatingIpInUseByPortForwarding.
        """
        floating = self._writable(floating_ip_id, "network:floating_ips:update")
        held = the_qos_policy(changes.get("qos_policy_id"))
        with tied_to(the_port(changes.get("port_id")), held), transaction.atomic():
            floating = self._changing(floating, if_revision)
            if "qos_policy_id" in changes:
                floating.qos_policy_id = chosen_policy(
                    self.context, changes["qos_policy_id"], now=floating.qos_policy_id
                )
                floating.save(update_fields=["qos_policy_id"])
                news.routers_changed(floating.router_id)
            if "description" in changes:
                floating.description = changes["description"]
                floating.save(update_fields=["description"])
            if "port_id" in changes or "fixed_ip_address" in changes:
                port = changes.get("port_id", floating.fixed_port_id)
                if port is None:
                    self._release(floating)
                else:
                    self._lead(floating, port, changes.get("fixed_ip_address"))
        return self._get(floating.id)

    @policy("network:floating_ips:delete")
    def delete(self, floating_ip_id: Identifier, *, if_revision: int | None = None) -> None:
        """Give a floating IP back."""
        floating = self._writable(floating_ip_id, "network:floating_ips:delete")
        with transaction.atomic():
            floating = self._changing(floating, if_revision)
            router, port = floating.router_id, floating.port
            floating.delete()
            remove_port(port)
            news.routers_changed(router)

    def _external(self, network_id: Identifier) -> Network:
        network = held(self.context, Network, network_id)
        if network is None:
            raise NetworkNotFound(network_id)
        if not network.external:
            raise BadRequest(f"Network {network.id} is not a valid external network.")
        return network

    @staticmethod
    def _take(
        floating: FloatingIp,
        network: Network,
        subnet_id: Identifier | None,
        address: str | None,
    ) -> Port:
        """Make the port that holds the address outside."""
        subnets = Subnet.objects.filter(network=network, ip_version=4).order_by("created_at", "id")
        if subnet_id is not None:
            subnets = subnets.filter(id=number(subnet_id))
            if not subnets:
                raise SubnetNotFound(subnet_id)
        chosen = (
            fitting([*subnets], owner=states.FLOATING_OWNER) if subnet_id is None else [*subnets]
        )
        wishes: Sequence[Wish] = [{"subnet_id": str(subnet.id)} for subnet in chosen]
        if address is not None:
            wishes = [{"ip_address": address, **(wishes[0] if subnet_id is not None else {})}]
        for wish in wishes:
            try:
                return make_service_port(
                    network,
                    owner=states.FLOATING_OWNER,
                    device_id=str(floating.id),
                    wishes=[wish],
                )
            except IpAddressGenerationFailure:
                continue
        raise IpAddressGenerationFailure(network.id)

    def _lead(self, floating: FloatingIp, port_id: Identifier, fixed: str | None) -> None:
        if floating.port_forwardings.exists():
            raise FloatingIpInUseByPortForwarding(floating.floating_ip_address)
        address = address_of(self, port_id, fixed)
        router = router_between(floating.floating_network, address)
        before = floating.router_id
        try:
            with transaction.atomic():
                FloatingIp.objects.filter(id=floating.id).touch(
                    fixed_port=address.port_id, fixed_ip_address=address.ip_address, router=router
                )
        except IntegrityError as error:
            raise FloatingIPPortAlreadyAssociated(
                address=floating.floating_ip_address,
                port_id=address.port_id,
                fixed_ip=address.ip_address,
            ) from error
        news.routers_changed(before, router.id)
        check_still_between(router, floating.floating_network, address)

    @staticmethod
    def _release(floating: FloatingIp) -> None:
        if floating.fixed_port_id is None:
            return
        router = floating.router_id
        FloatingIp.objects.filter(id=floating.id).touch(
            fixed_port=None, fixed_ip_address="", router=None
        )
        news.routers_changed(router)


def address_of(
    manager: StandardManager[Any], port_id: Identifier, fixed: str | None
) -> PortAddress:
    """Return the IPv4 address of a port of the caller's to lead to: the one said, or the only one.

    Raises PortNotFound, BadRequest.
    """
    rows = Port.objects.visible_to(manager.context).exclude(device_owner__in=states.SERVICE_OWNERS)
    port = rows.filter(id=number(port_id)).first()
    if port is None:
        raise PortNotFound(port_id)
    found = [*port.addresses.filter(subnet__ip_version=4).select_related("subnet")]
    if fixed is not None:
        found = [row for row in found if row.ip_address == fixed]
        if not found:
            raise BadRequest(f"Port {port.id} does not have fixed ip {fixed}.")
    if not found:
        raise BadRequest(f"Port {port.id} does not have any IPv4 address.")
    if len(found) > 1:
        raise BadRequest(
            f"Port {port.id} has multiple fixed IPv4 addresses. Must provide a specific one."
        )
    return found[0]
