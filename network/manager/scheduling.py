"""Which host serves what, for operators: routers can be taken elsewhere, DHCP is where the ports are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from cloudweb.manager import Manager
from cloudweb.policy import policy
from network import news
from network.exceptions.networks import NetworkNotFound
from network.exceptions.routing import RouterNotFound
from network.exceptions.scheduling import (
    DhcpFollowsPorts,
    InvalidL3Agent,
    RouterMoved,
    RouterNotHostedByL3Agent,
    RouterReschedulingFailed,
)
from network.manager.agent import AgentInfo, AgentManager
from network.manager.standard import Identifier, number
from network.models import Network, Port, Router
from network.network_hosts import OF_ONE_HOST
from network.routers.placing import move
from network.routers.resolution import able_hosts, choose_host


class SchedulingManager(Manager):
    """Routers and networks by the agents that serve them."""

    @policy("network:scheduling:list")
    def routers(self, agent_id: str) -> Sequence[Router]:
        """Return the routers on an agent's host; raise AgentNotFound."""
        rows = Router.objects.filter(host=self._agent(agent_id).row.host)
        return [*rows.complete().order_by("created_at", "id")]

    @policy("network:scheduling:list")
    def router_agents(self, router_id: Identifier) -> Sequence[AgentInfo]:
        """Return the agent that has a router, none while it waits; raise RouterNotFound."""
        return self._of({self._router(router_id).host})

    @policy("network:scheduling:list")
    def networks(self, agent_id: str) -> Sequence[Network]:
        """Return the networks whose DHCP an agent's host answers; raise AgentNotFound."""
        host = self._agent(agent_id).row.host
        rows = Network.objects.filter(subnets__enable_dhcp=True, id__in=_served(host=host))
        return [*rows.distinct().complete().order_by("created_at", "id")]

    @policy("network:scheduling:list")
    def network_agents(self, network_id: Identifier) -> Sequence[AgentInfo]:
        """Return the agents whose hosts answer a network's DHCP; raise NetworkNotFound."""
        network = self._network(network_id)
        if not network.subnets.filter(enable_dhcp=True).exists():
            return []
        ports = Port.objects.plugged().filter(network=network)
        return self._of({*ports.values_list("host", flat=True)})

    @policy("network:scheduling:update")
    def add_router(self, agent_id: str, router_id: Identifier) -> None:
        """Take a router to an agent's host; one that is there stays.

        Raises AgentNotFound, RouterNotFound, and InvalidL3Agent where that host cannot have it.
        """
        agent, router = self._agent(agent_id), self._router(router_id)
        host = agent.row.host
        if router.host == host:
            return
        if not router.router_ports.exists():
            raise InvalidL3Agent(agent_id, reason="a router has a host once it has an interface")
        if host not in able_hosts(router):
            raise InvalidL3Agent(
                agent_id,
                reason="its host is down, takes no routers, or cannot join all networks of this one",
            )
        if _is_tied(router, host):
            raise InvalidL3Agent(
                agent_id,
                reason="a network of the router is one wire on each host, and its servers are elsewhere",
            )
        self._move(router, host)

    @policy("network:scheduling:update")
    def remove_router(self, agent_id: str, router_id: Identifier) -> None:
        """Take a router from an agent's host to the best other.

        Raises AgentNotFound, RouterNotFound, RouterNotHostedByL3Agent, RouterReschedulingFailed.
        """
        agent, router = self._agent(agent_id), self._router(router_id)
        if router.host != agent.row.host:
            raise RouterNotHostedByL3Agent(router_id, agent_id=agent_id)
        host = choose_host(router, but=router.host)
        if not host or _is_tied(router, host):
            raise RouterReschedulingFailed(router_id)
        self._move(router, host)

    @policy("network:scheduling:update")
    def add_network(self, agent_id: str, network_id: Identifier) -> None:
        """Say that an agent answers a network's DHCP already, or raise DhcpFollowsPorts."""
        self._check_served(agent_id, network_id, wanted=True)

    @policy("network:scheduling:update")
    def remove_network(self, agent_id: str, network_id: Identifier) -> None:
        """Say that an agent does not answer a network's DHCP anyway, or raise DhcpFollowsPorts."""
        self._check_served(agent_id, network_id, wanted=False)

    def _check_served(self, agent_id: str, network_id: Identifier, *, wanted: bool) -> None:
        host, network = self._agent(agent_id).row.host, self._network(network_id)
        served = host in {one.row.host for one in self.network_agents(network.id)}
        if served is not wanted:
            raise DhcpFollowsPorts(network.id, served=served)

    def _move(self, router: Router, host: str) -> None:
        with transaction.atomic():
            if not Router.objects.filter(id=router.id, host=router.host).touch():
                raise RouterMoved(router.id)
            move(Router.objects.complete().get(id=router.id), host)
            news.routers_changed(router.id)
            for part in router.router_ports.select_related("network"):
                Network.objects.raise_wiring(part.network_id)
                news.network_changed(part.network)

    def _of(self, hosts: set[str]) -> Sequence[AgentInfo]:
        return [one for one in AgentManager(self.context).list() if one.row.host in hosts]

    def _agent(self, agent_id: str) -> AgentInfo:
        return AgentManager(self.context).get(agent_id)

    @staticmethod
    def _router(router_id: Identifier) -> Router:
        router = Router.objects.complete().filter(id=number(router_id)).first()
        if router is None:
            raise RouterNotFound(router_id)
        return router

    @staticmethod
    def _network(network_id: Identifier) -> Network:
        network = Network.objects.filter(id=number(network_id)).first()
        if network is None:
            raise NetworkNotFound(network_id)
        return network


def _served(*, host: str) -> Any:
    """Ask for the networks that a host has ports of."""
    return Port.objects.plugged().filter(host=host).values("network")


def _is_tied(router: Router, host: str) -> bool:
    """Tell whether servers that the router serves on its host would be without it there."""
    if not router.host:
        return False
    legs = router.router_ports.filter(is_gateway=False, network__kind__in=OF_ONE_HOST)
    ports = Port.objects.filter(
        network__in=legs.values("network"), device_owner__startswith="compute:"
    )
    there = {*ports.exclude(host="").values_list("host", flat=True)}
    return bool(there) and host not in there
