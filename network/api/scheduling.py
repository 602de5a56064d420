"""/agents/{id}/l3-routers and the like: which host serves what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.fields import Body
from cloudweb.api.shown import shown
from cloudweb.api.views import ServiceViewSet, empty
from network.api.agents import AgentShown
from network.api.serializers.networks import NetworkShown
from network.api.serializers.routers import RouterShown
from network.manager import SchedulingManager

AGENTS = listing("agents", AgentShown)


class RouterToServe(Body):
    """POST /agents/{id}/l3-routers."""

    router_id: UUID


class NetworkToServe(Body):
    """POST /agents/{id}/dhcp-networks."""

    network_id: UUID


class RouterServed(RouterShown):
    """A router on an agent's host."""


class NetworkServed(NetworkShown):
    """A network whose DHCP an agent's host answers."""


class SchedulingViewSet(ServiceViewSet):
    """Routers and networks by agents, and agents by those."""

    @extend_schema(
        operation_id="network_agent_routers_list", responses={200: listing("routers", RouterServed)}
    )
    def routers(self, request: Request, agent_id: str) -> Response:
        """Return the routers on an agent's host."""
        found = self._manager().routers(agent_id)
        return Response({"routers": shown(RouterServed, found, self.scene)})

    @extend_schema(
        operation_id="network_agent_routers_add",
        request=RouterToServe,
        responses={201: dict[str, Any]},
    )
    def add_router(self, request: Request, agent_id: str) -> Response:
        """Take a router to an agent's host."""
        self._manager().add_router(agent_id, self.validated(RouterToServe).router_id)
        return Response({}, status=201)

    @extend_schema(operation_id="network_agent_routers_remove", responses={204: None})
    def remove_router(self, request: Request, agent_id: str, router_id: str) -> Response:
        """Take a router from an agent's host to another."""
        self._manager().remove_router(agent_id, router_id)
        return empty(204)

    @extend_schema(operation_id="network_router_agents_list", responses={200: AGENTS})
    def router_agents(self, request: Request, router_id: str) -> Response:
        """Return the agent that has a router."""
        found = self._manager().router_agents(router_id)
        return Response({"agents": shown(AgentShown, found, self.scene)})

    @extend_schema(
        operation_id="network_agent_networks_list",
        responses={200: listing("networks", NetworkServed)},
    )
    def networks(self, request: Request, agent_id: str) -> Response:
        """Return the networks whose DHCP an agent's host answers."""
        found = self._manager().networks(agent_id)
        return Response({"networks": shown(NetworkServed, found, self.scene)})

    @extend_schema(
        operation_id="network_agent_networks_add",
        request=NetworkToServe,
        responses={201: dict[str, Any]},
    )
    def add_network(self, request: Request, agent_id: str) -> Response:
        """Agree where the agent answers it already."""
        self._manager().add_network(agent_id, self.validated(NetworkToServe).network_id)
        return Response({}, status=201)

    @extend_schema(operation_id="network_agent_networks_remove", responses={204: None})
    def remove_network(self, request: Request, agent_id: str, network_id: str) -> Response:
        """Agree where the agent does not answer it anyway."""
        self._manager().remove_network(agent_id, network_id)
        return empty(204)

    @extend_schema(operation_id="network_network_agents_list", responses={200: AGENTS})
    def network_agents(self, request: Request, network_id: str) -> Response:
        """Return the agents that answer a network's DHCP."""
        found = self._manager().network_agents(network_id)
        return Response({"agents": shown(AgentShown, found, self.scene)})

    def _manager(self) -> SchedulingManager:
        return SchedulingManager(self.context)
