"""The network agents of hosts: what they report."""

from __future__ import annotations

import structlog

from cloudweb.database.clock import now
from cloudweb.manager import Manager
from cloudweb.policy import policy
from network.models import Agent
from network.objects import NetworkInventory

log = structlog.get_logger(__name__)


class AgentManager(Manager):
    """Network agents."""

    @policy("network:agents:report")
    def report(self, host: str, inventory: NetworkInventory) -> None:
        """Note what a host has of networks, what it could not bring back and what it cannot explain."""
        moment = now()
        said = inventory.model_dump(mode="json")
        facts = {
            "driver": inventory.driver,
            "networks": len(inventory.networks),
            "ports": len(inventory.ports),
            "problems": said["problems"],
            "strays": said["strays"],
            "reported_at": moment,
        }
        Agent.objects.update_or_create(
            host=host, defaults=facts, create_defaults={**facts, "created_at": moment}
        )
        if inventory.problems or inventory.strays:
            log.warning(
                "a host's networks need a look",
                host=host,
                problems=list(inventory.problems),
                strays=len(inventory.strays),
            )
