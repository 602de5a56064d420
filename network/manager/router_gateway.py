"""Gateways of routers: their ports on external networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cloudweb.addresses import Block, parse_block
from cloudweb.exceptions import BadRequest
from cloudweb.policy import check
from network import states
from network.exceptions.networks import NetworkNotFound
from network.exceptions.routing import (
    RouterExternalGatewayInUseByFloatingIp,
    RouterNotFound,
    RouterPortConflict,
)
from network.manager.addressing import Wish
from network.manager.held import held
from network.manager.port_parts import make_service_port, remove_port, replace_addresses
from network.manager.qos_use import chosen_policy
from network.manager.standard import Identifier, StandardManager, number
from network.models import (
    FloatingIp,
    Network,
    PortAddress,
    Router,
    RouterPort,
)
from network.moved import ports_moved
from network.routers.placing import leave, place


@dataclass(frozen=True, slots=True)
class Gateway:
    """A wish for a gateway; what is None is as it was, or as it comes.

    ``qos_policy_id`` counts where ``has_policy`` says that it was said.
    """

    network_id: Identifier
    enable_snat: bool | None = None
    external_fixed_ips: Sequence[Wish] | None = None
    qos_policy_id: Identifier | None = None
    has_policy: bool = False


class RouterGateways(StandardManager[Router]):
    """Gateways of the caller's routers."""

    model = Router
    missing = RouterNotFound

    def _set_gateway(self, router: Router, wish: Gateway | None) -> None:
        """Make the gateway be as wished, None for none; part of the caller's transaction."""
        if wish is not None and (
            wish.external_fixed_ips is not None or wish.enable_snat is not None
        ):
            check(self.context, "network:routers:set_gateway_details")
        if wish is None or wish.has_policy:
            self._set_policy(router, wish.qos_policy_id if wish is not None else None)
        now = router.gateway
        if now is not None and (wish is None or number(wish.network_id) != now.network_id):
            self._drop_gateway(router, now)
            now = None
        if wish is None:
            return
        if now is None:
            self._add_gateway(router, wish)
        elif wish.external_fixed_ips is not None:
            replace_addresses(now.port, wish.external_fixed_ips)
        if wish.enable_snat is not None:
            router.enable_snat = wish.enable_snat
            router.save(update_fields=["enable_snat"])

    def _set_policy(self, router: Router, wanted: Identifier | None) -> None:
        now = router.qos_policy_id
        router.qos_policy_id = chosen_policy(self.context, wanted, now=now)
        if router.qos_policy_id != now:
            router.save(update_fields=["qos_policy_id"])

    def _add_gateway(self, router: Router, wish: Gateway) -> None:
        network = held(self.context, Network, wish.network_id)
        if network is None:
            raise NetworkNotFound(wish.network_id)
        if not network.external:
            raise BadRequest(f"Network {network.id} is not an external network.")
        port = make_service_port(
            network,
            owner=states.GATEWAY_OWNER,
            device_id=str(router.id),
            wishes=wish.external_fixed_ips,
        )
        blocks = blocks_at(PortAddress.objects.filter(port=port))
        check_apart(router, blocks)
        RouterPort.objects.create(router=router, port=port, network=network, is_gateway=True)
        place(router)

    def _drop_gateway(self, router: Router, part: RouterPort) -> None:
        if FloatingIp.objects.filter(router=router).exists():
            raise RouterExternalGatewayInUseByFloatingIp(router.id, network_id=part.network_id)
        if router.router_ports.count() == 1:
            leave(router)
        port = part.port
        part.delete()
        remove_port(port)
        ports_moved(port)


def blocks_at(addresses: Any) -> Mapping[UUID, Block]:
    """Return the blocks of the subnets that addresses are on."""
    return {
        row.subnet_id: parse_block(row.subnet.cidr) for row in addresses.select_related("subnet")
    }


def check_apart(router: Router, blocks: Mapping[UUID, Block]) -> None:
    """Refuse what a router has already, or could not tell from it."""
    there = PortAddress.objects.filter(port__router_port__router=router)
    for known, block in blocks_at(there).items():
        for fresh, other in blocks.items():
            if known == fresh:
                raise RouterPortConflict(f"Router already has a port on subnet {fresh}.")
            if block.version == other.version and block.overlaps(other):
                raise RouterPortConflict(
                    f"Cidr {other} of subnet {fresh} overlaps with cidr {block} of subnet {known}."
                )
