"""/agents: the part of Cloudweb on each host that does networks, as Neutron shows its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.fields import Body, LooseBool, Text, loose_bool
from cloudweb.api.filters import with_fields
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import BadRequest
from network.api.resource import CONTROLS
from network.manager import AgentManager
from network.manager.agent import AgentInfo


class AgentUpdate(Body):
    """PUT /agents/{id}."""

    description: Text | None = None
    admin_state_up: LooseBool = True


class AgentViewSet(ServiceViewSet):
    """Network agents: one a host."""

    @extend_schema(operation_id="network_agents_list", responses={200: dict})
    def list(self, request: Request) -> Response:
        """Return the agents; filters are the attributes that are no times."""
        fields = request.query_params.getlist("fields")
        found = [_body(agent) for agent in AgentManager(self.context).list()]
        for name, values in request.query_params.lists():
            if name in CONTROLS:
                continue
            if name not in FILTERS:
                raise BadRequest(f"[{name!r}] is invalid attribute for filtering.")
            found = [one for one in found if _matches(one, name, values)]
        return Response({"agents": [with_fields(one, fields) for one in found]})

    @extend_schema(operation_id="network_agents_get", responses={200: dict})
    def retrieve(self, request: Request, agent_id: str) -> Response:
        """Return one agent."""
        body = _body(AgentManager(self.context).get(agent_id))
        return Response({"agent": with_fields(body, request.query_params.getlist("fields"))})

    @extend_schema(
        operation_id="network_agents_update",
        request=within("agent", AgentUpdate),
        responses={200: dict},
    )
    def update(self, request: Request, agent_id: str) -> Response:
        """Describe an agent."""
        wanted = self.validated(AgentUpdate, self.body("agent"))
        agent = AgentManager(self.context).update(agent_id, **wanted.model_dump(exclude_unset=True))
        return Response({"agent": _body(agent)})


FILTERS = frozenset(
    {
        *("id", "host", "agent_type", "binary", "topic", "alive", "admin_state_up", "description"),
        "availability_zone",
    }
)


def _matches(body: Mapping[str, Any], name: str, values: Sequence[str]) -> bool:
    said = body[name]
    return any(
        loose_bool(value) == said if isinstance(said, bool) else value == (said or "")
        for value in values
    )


def _body(agent: AgentInfo) -> dict[str, Any]:
    row, seen = agent.row, agent.seen
    return {
        "id": str(row.id),
        "agent_type": "Linux bridge agent",
        "binary": "neutron-linuxbridge-agent",
        "host": row.host,
        "topic": "N/A",
        "alive": seen is not None and seen.up,
        "admin_state_up": True,
        "availability_zone": None,
        "configurations": {"driver": row.driver, "networks": row.networks, "ports": row.ports},
        "resources_synced": None,
        "description": row.description or None,
        "created_at": _moment(row.created_at),
        "started_at": _moment(seen.up_since if seen else None),
        "heartbeat_timestamp": _moment(seen.last_seen_at if seen else row.reported_at),
    }


def _moment(value: datetime | None) -> str | None:
    """Return a time as Neutron writes those of agents."""
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else None
