"""The facts of a trace, read as they are needed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from network import members
from network.backend import is_ovn
from network.manager.standard import number
from network.models import Agent, FloatingIp, MemberSet, Network, Port, Router, Subnet
from network.objects import NetworkWiring, PortWiring
from network.resolution import network_wiring, port_wirings
from network.routers.resolution import DOMAIN, described
from network.trace.asking import Look, Observations
from network.trace.facts import FloatingFacts, Observed, OnHost, PortFacts, RouterFacts
from network.trace.in_ovn import Northbound
from network.trace.matching import within
from network.trace.objects import PortLook, Sighting, WayLook
from operations import services


class Known:
    """What the database knows, for one asker; who may see what is asked of ``sees`` by the trace."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._routers: dict[str, RouterFacts | None] = {}
        self._ports: dict[tuple[str, str], PortFacts | None] = {}
        self._hosts = {one.host: one for one in services.sightings(DOMAIN)}
        self._wirings: dict[str, tuple[PortWiring, Sequence[UUID]]] = {}
        self._northbound = Northbound()
        self.observations = Observations()

    @property
    def is_distributed(self) -> bool:
        """Tell whether networks and routers are OVN's."""
        return is_ovn()

    def endpoint(self, host: str) -> str:
        """Return where a host's tunnels end."""
        rows = Agent.objects.filter(host=host).values_list("tunnel_address", flat=True)
        return rows.first() or ""

    def look(self, host: str, about: Look) -> Observed | None:
        """Return what a host sees of a thing."""
        seen = self.observations.look(host, about)
        if not is_ovn() or not self.observations.is_answered or isinstance(about, WayLook):
            return seen
        told = seen or Observed(at=now())
        return replace(told, sightings=(*told.sightings, *self._in_ovn(about)))

    def _in_ovn(self, about: PortLook | str) -> Sequence[Sighting]:
        """Return what OVN's northbound database has of a port or router."""
        if isinstance(about, str):
            return self._northbound.router(about)
        wiring, groups = self._wirings[about.port_id]
        named = {
            rule.group_id: self.members(rule.group_id, about.network_id)
            for rule in wiring.group_rules
            if rule.direction == about.direction
        }
        return (self._northbound.port(about, wiring, groups, named),)

    def sees(self, project_id: str) -> bool:
        """Tell whether the asker may know what is this project's."""
        return self._context.is_admin or project_id == self._context.project_id

    def port(self, port: Port) -> PortFacts:
        """Return the facts of a port."""
        (wiring,) = port_wirings([port.id])
        groups = [*port.security_groups.order_by("name").values_list("id", "name")]
        self._wirings[wiring.id] = wiring, [one for one, _ in groups]
        return PortFacts(
            wiring=wiring,
            name=port.name,
            owner=port.device_owner,
            admin_up=port.admin_state_up,
            network_up=port.network.admin_state_up,
            network_name=port.network.name,
            groups=[name for _, name in groups],
            seen=self._seen(port),
        )

    def port_at(self, network_id: str, address: str) -> PortFacts | None:
        """Return the port that has an address on a network."""
        key = network_id, address
        if key not in self._ports:
            rows = Port.objects.filter(network_id=number(network_id), addresses__ip_address=address)
            found = rows.select_related("network").first()
            self._ports[key] = self.port(found) if found is not None else None
        return self._ports[key]

    def router(self, router_id: str) -> RouterFacts | None:
        """Return a router."""
        if router_id not in self._routers:
            row = Router.objects.complete().filter(id=number(router_id)).first()
            self._routers[router_id] = (
                None
                if row is None
                else RouterFacts(wiring=described(row), name=row.name, seen=self._seen(row))
            )
        return self._routers[router_id]

    def floating(self, network_id: str, address: str) -> FloatingFacts | None:
        """Return a floating IP of an external network by its address."""
        rows = FloatingIp.objects.filter(floating_network_id=number(network_id))
        row = rows.filter(floating_ip_address=address).first()
        if row is None:
            return None
        return FloatingFacts(
            id=str(row.id),
            project_id=row.project_id,
            address=row.floating_ip_address,
            router_id=str(row.router_id or ""),
        )

    def external(self, address: str) -> NetworkWiring | None:
        """Return the external network that an address is on."""
        network = external_at(address)
        return network_wiring(network) if network is not None else None

    def members(self, group_id: str, network_id: str) -> Collection[str]:
        """Return the blocks of a security group's members, as ports on a network know them."""
        return members.all_of(
            MemberSet(
                security_group_id=number(group_id), network_id=number(network_id), has_pairs=True
            )
        )

    def _seen(self, row: Port | Router) -> OnHost:
        """Return what the host of a port or router said of it."""
        if isinstance(row, Router) and is_ovn():
            return OnHost(everywhere=True)
        service = self._hosts.get(row.host)
        return OnHost(
            host=row.host,
            host_up=service is not None and service.up,
            at=service.last_seen_at if service is not None else None,
            there=row.applied_revision > 0,
            current=row.applied_revision >= row.wiring_revision,
        )


def external_at(address: str) -> Network | None:
    """Return the network, one that servers are reached on from outside, that an address is on."""
    rows = Subnet.objects.filter(network__external=True).select_related("network")
    for subnet in rows.order_by("created_at", "id"):
        if within(address, [subnet.cidr]):
            return subnet.network
    return None
