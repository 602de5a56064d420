"""/agents: the part of Cloudweb on each host that does networks, as Neutron shows its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.fields import Body, LooseBool, Text, loose_bool
from cloudweb.api.filters import with_fields
from cloudweb.api.shown import Always, Form, Of, shown
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import BadRequest
from network.api.resource import CONTROLS
from network.api.serializers.attributes import Nothing, Selectable
from network.manager import AgentManager
from network.manager.agent import AgentInfo


class AgentUpdate(Body):
    """PUT /agents/{id}."""

    description: Text | None = None
    admin_state_up: LooseBool = True


def _moment(value: datetime | None) -> str | None:
    """Return a time as Neutron writes those of agents."""
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else None


def _started(agent: AgentInfo) -> str | None:
    return _moment(agent.seen.up_since if agent.seen else None)


def _heard(agent: AgentInfo) -> str | None:
    return _moment(agent.seen.last_seen_at if agent.seen else agent.row.reported_at)


def _configurations(agent: AgentInfo) -> dict[str, Any]:
    row = agent.row
    return {
        "driver": row.driver,
        "networks": row.networks,
        "ports": row.ports,
        "tunneling_ip": row.tunnel_address or None,
        "tunnel_types": [name for name in row.network_types if name == "vxlan"],
        "physical_networks": row.physical_networks,
    }


class AgentShown(Selectable):
    """An agent as Neutron shows its own."""

    id: Annotated[str, Of("row.id"), Form(str)]
    agent_type: Annotated[str, Always("Linux bridge agent")]
    binary: Annotated[str, Always("neutron-linuxbridge-agent")]
    host: Annotated[str, Of("row.host")]
    topic: Annotated[str, Always("N/A")]
    alive: Annotated[bool, Of(lambda agent: agent.seen is not None and agent.seen.up)]
    admin_state_up: Annotated[bool, Always(True)]
    availability_zone: Nothing
    configurations: Annotated[dict[str, Any], Of(_configurations)]
    resources_synced: Nothing
    description: Annotated[str | None, Of("row.description"), Form(lambda text: text or None)]
    created_at: Annotated[str | None, Of("row.created_at"), Form(_moment)]
    started_at: Annotated[str | None, Of(_started)]
    heartbeat_timestamp: Annotated[str | None, Of(_heard)]


ONE = within("agent", AgentShown)
FILTERS = frozenset(
    {
        *("id", "host", "agent_type", "binary", "topic", "alive", "admin_state_up", "description"),
        "availability_zone",
    }
)


class AgentViewSet(ServiceViewSet):
    """Network agents: one a host."""

    @extend_schema(
        operation_id="network_agents_list", responses={200: listing("agents", AgentShown)}
    )
    def list(self, request: Request) -> Response:
        """Return the agents; filters are the attributes that are no times."""
        fields = request.query_params.getlist("fields")
        found = shown(AgentShown, AgentManager(self.context).list(), self.scene)
        for name, values in request.query_params.lists():
            if name in CONTROLS:
                continue
            if name not in FILTERS:
                raise BadRequest(f"[{name!r}] is invalid attribute for filtering.")
            found = [one for one in found if _matches(one, name, values)]
        return Response({"agents": [with_fields(one, fields) for one in found]})

    @extend_schema(operation_id="network_agents_get", responses={200: ONE})
    def retrieve(self, request: Request, agent_id: str) -> Response:
        """Return one agent."""
        (body,) = shown(AgentShown, [AgentManager(self.context).get(agent_id)], self.scene)
        return Response({"agent": with_fields(body, request.query_params.getlist("fields"))})

    @extend_schema(
        operation_id="network_agents_update",
        request=within("agent", AgentUpdate),
        responses={200: ONE},
    )
    def update(self, request: Request, agent_id: str) -> Response:
        """Describe an agent."""
        wanted = self.validated(AgentUpdate, self.body("agent"))
        agent = AgentManager(self.context).update(agent_id, **wanted.model_dump(exclude_unset=True))
        (body,) = shown(AgentShown, [agent], self.scene)
        return Response({"agent": body})


def _matches(body: Mapping[str, Any], name: str, values: Sequence[str]) -> bool:
    said = body[name]
    return any(
        loose_bool(value) == said if isinstance(said, bool) else value == (said or "")
        for value in values
    )
