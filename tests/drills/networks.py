"""How the sagas of networks are drilled: on the cards of a server that runs."""

from __future__ import annotations

from typing import Any

from instances.models import Instance
from network.manager import PortManager, SecurityGroupManager, SecurityGroupRuleManager
from network.models import Port, SecurityGroupRule
from network.operations.refresh_host import RefreshHost
from network.operations.unplug_port import UnplugPort
from operations.testing import Drill
from tests.builders.instances import Lab, lab
from tests.drills import servers


def allow_one_more(made: Lab, _server: Any) -> None:
    """Add a rule to the group of both cards, which are on two networks: two orders."""
    group = SecurityGroupManager(made.context).resolve("default", made.context.scoped_project_id)
    port = 1000 + SecurityGroupRule.objects.count()
    SecurityGroupRuleManager(made.context).create(
        security_group_id=group.id,
        direction="ingress",
        protocol="tcp",
        port_range_min=port,
        port_range_max=port,
    )


def census(made: Lab, server: Any) -> dict[str, Any]:
    """Count everything; tell how many ports have a picture that their host has not confirmed."""
    return {**servers.census(made, server), "outdated": Port.objects.outdated_on("h1").count()}


RUNNING = {**servers.ends("active", "running", **servers.THERE), "outdated": 0}

DRILLS = (
    Drill(
        saga=RefreshHost,
        world=lab,
        prepare=servers.built,
        start=allow_one_more,
        census=census,
        done=RUNNING,
        undone=servers.resting("active"),
    ),
    Drill(
        saga=UnplugPort,
        world=lab,
        prepare=servers.built,
        start=lambda made, server: PortManager(made.context).delete(
            Instance.objects.get(id=server).port_ids[0]
        ),
        census=census,
        done={**RUNNING, "ports": 1, "taps": 1, "segments": 1},
        undone={"ports": 1},
        again=lambda made, _server: None,  # it starts again by itself: nobody else would
    ),
)
