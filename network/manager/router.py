"""Routers: they join subnets, and lead to an external network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict, Unpack
from uuid import UUID

import structlog
from django.db import transaction

from cloudweb.addresses import Block, parse_address, parse_block
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from network import conf, news, quota
from network.exceptions import AvailabilityZoneNotFound
from network.exceptions.routing import InvalidRoutes, RouterInUse
from network.manager.port_parts import remove_port
from network.manager.router_gateway import Gateway
from network.manager.router_ports import RouterPorts, check_unused, lock_around
from network.manager.standard import Identifier
from network.manager.tied import the_qos_policy, tied_to
from network.models import Network, PortAddress, Router, RouterPort
from network.moved import ports_moved
from network.routers.placing import leave, misplaced, move, stranded, waiting
from network.routers.resolution import DOMAIN, choose_host
from operations import services

log = structlog.get_logger(__name__)
MAX_ROUTES = 30
Route = Mapping[str, str]


class RouterChanges(TypedDict, total=False):
    """What may change on a router; a gateway of None takes it away, ``routes`` replace those there."""

    name: str
    description: str
    admin_state_up: bool
    gateway: Gateway | None
    routes: Sequence[Route]


class RouterManager(RouterPorts):
    """Routers of the caller's project."""

    @policy("network:routers:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Router]:
        """Return own routers."""
        return self._page(listing)

    @policy("network:routers:get")
    def get(self, router_id: Identifier) -> Router:
        """Return a router; raise RouterNotFound."""
        return self._get(router_id)

    @policy("network:routers:create")
    def create(
        self,
        *,
        name: str = "",
        description: str = "",
        admin_state_up: bool = True,
        gateway: Gateway | None = None,
        availability_zone_hints: Sequence[str] = (),
        project_id: str | None = None,
    ) -> Router:
        """Make a router; raise QuotaExceeded, AvailabilityZoneNotFound, and what is wrong with the gateway."""
        for zone in availability_zone_hints:
            if zone not in conf.ZONES:
                raise AvailabilityZoneNotFound(zone)
        router = Router(
            project_id=self._project(project_id),
            name=name,
            description=description,
            admin_state_up=admin_state_up,
            availability_zone_hints=[*availability_zone_hints],
        )
        held = the_qos_policy(gateway.qos_policy_id if gateway is not None else None)
        with tied_to(held), transaction.atomic():
            quota.reserve(router.project_id, "router")
            router.save(force_insert=True)
            if gateway is not None:
                self._set_gateway(router, gateway)
                news.routers_changed(router.id)
        return Router.objects.complete().get(id=router.id)

    @policy("network:routers:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[Router]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:routers:update")
    def update(
        self,
        router_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[RouterChanges],
    ) -> Router:
        """Change a router; its host learns of it. Raises InvalidRoutes, and what is wrong with the gateway."""
        router = self._writable(router_id, "network:routers:update")
        gateway = changes.get("gateway")
        held = the_qos_policy(gateway.qos_policy_id if gateway is not None else None)
        with tied_to(held), transaction.atomic():
            router = self._changing(router, if_revision)
            if "gateway" in changes:
                self._set_gateway(router, changes["gateway"])
            for name in ("name", "description", "admin_state_up"):
                if name in changes:
                    setattr(router, name, changes[name])
            if "routes" in changes or "gateway" in changes:
                router.routes = _routes(router, changes.get("routes", router.routes))
            router.save(update_fields=["name", "description", "admin_state_up", "routes"])
            if changes.keys() & {"gateway", "routes", "admin_state_up"}:
                news.routers_changed(router.id)
        return self._get(router.id)

    @policy("network:routers:update")
    def add_routes(self, router_id: Identifier, routes: Sequence[Route]) -> Router:
        """Add routes; those that are there already are no error."""
        return self._change_routes(router_id, add=routes)

    @policy("network:routers:update")
    def remove_routes(self, router_id: Identifier, routes: Sequence[Route]) -> Router:
        """Take routes away; those that are not there are no error."""
        return self._change_routes(router_id, remove=routes)

    @policy("network:routers:delete")
    def delete(self, router_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a router with its gateway; raise RouterInUse while it has interfaces."""
        router = self._writable(router_id, "network:routers:delete")
        with transaction.atomic():
            router = self._changing(router, if_revision)
            gateway = router.gateway
            if router.router_ports.filter(is_gateway=False).exists():
                raise RouterInUse(router.id)
            leave(router)
            if gateway is not None:
                gateway.delete()
                remove_port(gateway.port)
                ports_moved(gateway.port)
            router.delete()

    @policy("network:routers:delete")
    def delete_with_interfaces(self, router_id: Identifier) -> None:
        """Remove a router after its interfaces, all or nothing; raise what keeps one of them."""
        router = self._writable(router_id, "network:routers:delete")
        with transaction.atomic():
            lock_around(_inner_networks(router.id))
            router = self._changing(router, None)
            parts = router.router_ports.filter(is_gateway=False).select_related("port", "network")
            found = [(part, [*part.port.addresses.select_related("subnet")]) for part in parts]
            if found:
                check_unused(router, [row for _, held in found for row in held])
                self._part_from(router, found)
            self.delete(router_id)

    @periodic(every=timedelta(seconds=30))
    @policy("network:routers:follow")
    def follow_servers(self) -> int:
        """Take routers to the hosts of their networks' servers, where theirs has none of them."""
        moved = 0
        able = {*services.hosts_up(DOMAIN)}
        for router_id, host in misplaced().items():
            with transaction.atomic():
                lock_around(_inner_networks(router_id))
                found = Router.objects.filter(id=router_id)
                if host in able and found.touch():
                    router = found.complete().get()
                    move(router, host)
                    news.routers_changed(router.id)
                    for part in router.router_ports.select_related("network"):
                        Network.objects.raise_wiring(part.network_id)
                        news.network_changed(part.network)
                    moved += 1
        return moved

    @periodic(every=timedelta(seconds=5))
    @policy("network:routers:follow")
    def fail_over(self) -> int:
        """Take routers from hosts that are dead, or take none any more, and give those a host that wait.

        Returns how many have another host now.
        """
        moved = 0
        for router_id in (*stranded(), *waiting()):
            with transaction.atomic():
                router = Router.objects.complete().filter(id=router_id).first()
                host = choose_host(router) if router is not None else ""
                if router is None or host in ("", router.host):
                    continue
                if Router.objects.filter(id=router_id, host=router.host).touch():
                    log.warning(
                        "a router leaves its host",
                        router_id=str(router_id),
                        host=router.host,
                        goes_to=host,
                    )
                    move(router, host)
                    news.routers_changed(router.id)
                    moved += 1
        return moved

    def _change_routes(
        self, router_id: Identifier, *, add: Sequence[Route] = (), remove: Sequence[Route] = ()
    ) -> Router:
        router = self._writable(router_id, "network:routers:update")
        with transaction.atomic():
            router = self._changing(router, None)
            taken = [_normal(route) for route in remove]
            stay = [route for route in router.routes if route not in taken]
            fresh = [route for route in map(_normal, add) if route not in stay]
            router.routes = _routes(router, [*stay, *fresh])
            router.save(update_fields=["routes"])
            news.routers_changed(router.id)
        return self._get(router.id)


def _inner_networks(router_id: UUID) -> set[UUID]:
    parts = RouterPort.objects.filter(router=router_id)
    return {*parts.values_list("network", flat=True)}


def _normal(route: Route) -> dict[str, str]:
    """Return a route in its usual form; raise InvalidRoutes."""
    try:
        destination, nexthop = parse_block(route["destination"]), parse_address(route["nexthop"])
    except ValueError as error:
        raise InvalidRoutes(dict(route), reason=f"{error}") from error
    if destination.version != nexthop.version:
        raise InvalidRoutes(dict(route), reason="it mixes IP versions")
    return {"destination": str(destination), "nexthop": str(nexthop)}


def _routes(router: Router, wanted: Sequence[Route]) -> list[dict[str, str]]:
    """Return the routes in their usual form, each with a next hop that the router reaches itself."""
    found = [_normal(route) for route in wanted]
    if len(found) > MAX_ROUTES:
        raise InvalidRoutes([*map(dict, wanted)], reason=f"there are more than {MAX_ROUTES}")
    if len({tuple(route.values()) for route in found}) != len(found):
        raise InvalidRoutes(found, reason="one is there twice")
    held = PortAddress.objects.filter(port__router_port__router=router).select_related("subnet")
    blocks, own = [parse_block(row.subnet.cidr) for row in held], {row.ip_address for row in held}
    for route in found:
        hop = parse_address(route["nexthop"])
        if not any(hop in block for block in blocks):
            raise InvalidRoutes(found, reason="the nexthop is not connected with router")
        if route["nexthop"] in own:
            raise InvalidRoutes(found, reason="the nexthop is used by router")
        destination = parse_block(route["destination"])
        if any(_is_within(destination, block) for block in blocks):
            # it would turn traffic of others on that subnet, and let theirs be forged
            raise InvalidRoutes(found, reason="the destination is on a subnet of the router")
    return found


def _is_within(inner: Block, outer: Block) -> bool:
    if inner.version != outer.version or inner.prefixlen < outer.prefixlen:
        return False
    return inner.network_address in outer
