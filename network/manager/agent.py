"""The network agents of hosts: what they report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from cloudweb.database.clock import now
from cloudweb.database.many import update_each
from cloudweb.exceptions import InvalidInput
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import allows, policy
from network.exceptions import AgentNotFound
from network.models import Agent
from network.moved import tunnel_moved
from network.objects import NetworkInventory
from operations import services
from operations.services import Sighting

DOMAIN = "network"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """What an agent said, and what was seen of its service, if any is left."""

    row: Agent
    seen: Sighting | None


class AgentManager(Manager):
    """Network agents; who may not see them sees none, as in Neutron."""

    @policy("network:agents:list")
    def list(self) -> Sequence[AgentInfo]:
        """Return all that ever reported, by host."""
        if not allows(self.context, "network:agents:get"):
            return []
        seen = {one.host: one for one in services.sightings(DOMAIN)}
        return [AgentInfo(row, seen.get(row.host)) for row in Agent.objects.all()]

    @policy("network:agents:list")
    def get(self, agent_id: str) -> AgentInfo:
        """Return one; raise AgentNotFound."""
        wanted = as_uuid(agent_id)
        for agent in self.list():
            if agent.row.id == wanted:
                return agent
        raise AgentNotFound(agent_id)

    @policy("network:agents:update")
    def update(
        self,
        agent_id: str,
        *,
        description: str | None = None,
        admin_state_up: bool = True,
        takes_routers: bool | None = None,
    ) -> AgentInfo:
        """Describe one, let routers be on its host or keep them from it: those there go elsewhere.

        Raises AgentNotFound, and InvalidInput for switching it off."""
        agent = self.get(agent_id)
        if not admin_state_up:
            raise InvalidInput(
                field="admin_state_up",
                value=admin_state_up,
                reason="Networks follow servers: disable the host's compute service.",
            )
        said = {"description": description, "takes_routers": takes_routers}
        if changes := {name: value for name, value in said.items() if value is not None}:
            Agent.objects.filter(id=agent.row.id).update(**changes)
        return self.get(agent_id)

    @policy("network:agents:report")
    def report(self, told: Mapping[str, NetworkInventory]) -> None:
        """Note by host what it has of networks, what it could not bring back and what it cannot explain."""
        moment = now()
        rows = [
            {"host": host, "reported_at": moment, **_facts(said)} for host, said in told.items()
        ]
        ends = dict(Agent.objects.filter(host__in=told).values_list("host", "tunnel_address"))
        known = update_each(Agent, rows, key="host")
        for row in rows:
            if row["host"] not in known:
                Agent.objects.update_or_create(
                    host=row["host"], defaults=row, create_defaults={**row, "created_at": moment}
                )
        for host, said in told.items():
            if said.tunnel_address != ends.get(host, ""):
                tunnel_moved(host)
        for host, said in told.items():
            if said.problems or said.strays:
                log.warning(
                    "a host's networks need a look",
                    host=host,
                    problems=list(said.problems),
                    strays=len(said.strays),
                )


def _facts(inventory: NetworkInventory) -> Mapping[str, Any]:
    said = inventory.model_dump(mode="json")
    return {
        "driver": inventory.driver,
        "networks": len(inventory.networks),
        "ports": len(inventory.ports),
        "capabilities": said["capabilities"],
        "problems": said["problems"],
        "strays": said["strays"],
        "tunnel_address": said["tunnel_address"],
        "physical_networks": said["physical_networks"],
        "network_types": said["network_types"],
    }
