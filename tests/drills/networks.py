"""How the sagas of networks are drilled: on the cards of a server that runs."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from instances.models import Instance
from network import states
from network.manager import (
    PortManager,
    RouterManager,
    SecurityGroupManager,
    SecurityGroupRuleManager,
    TrunkManager,
)
from network.models import Network, Port, Router, SecurityGroupRule, Trunk
from network.operations.plug_subport import PlugSubport
from network.operations.refresh_host import RefreshHost
from network.operations.refresh_router import RefreshRouter
from network.operations.remove_router import RemoveRouter
from network.operations.unplug_port import UnplugPort
from operations.testing import Drill
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_port
from tests.builders.routers import make_external, make_router
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


def outside(made: Lab) -> Network:
    """Make an external network."""
    return make_external()


def joined(made: Lab, external: Network) -> None:
    """Make a router between the network and the outside: one order that plugs two ports."""
    with transaction.atomic():
        subnets = made.network.subnets.all()
        make_router(made.context, subnets=subnets, external=external)


def leading_outside(made: Lab) -> Router:
    """Make a router that has a gateway alone."""
    router = make_router(made.context, external=make_external())
    made.cloud.settle()
    return router


def routers(made: Lab, _subject: Any) -> dict[str, Any]:
    """Count routers and what hosts have of them."""
    return {
        "routers": Router.objects.count(),
        "outdated": Router.objects.outdated_on("h1").count(),
        "ports": Port.objects.exclude(device_owner=states.DHCP_OWNER).count(),
        "there": sum(len(driver.routers()) for driver in made.wires.values()),
        "taps": sum(len(driver.ports()) for driver in made.wires.values()),
        "segments": sum(len(driver.segments()) for driver in made.wires.values()),
    }


def with_trunk(made: Lab) -> Any:
    """Build a server whose first card is the parent of a trunk."""
    server = servers.built(made)
    card = Instance.objects.get(id=server).port_ids[0]
    return TrunkManager(made.context).create(port_id=card).id


def carry_one(made: Lab, trunk: Any) -> None:
    """Let it carry one more port."""
    with transaction.atomic():
        port = make_port(made.network, made.context)
        said = [{"port_id": port.id, "segmentation_id": 7}]
        TrunkManager(made.context).add_subports(trunk, said)


def carried(made: Lab, trunk: Any) -> dict[str, Any]:
    """Count everything; tell the trunk's status."""
    return {**census(made, trunk), "trunk": Trunk.objects.get(id=trunk).status}


DRILLS = (
    Drill(
        saga=PlugSubport,
        world=lab,
        prepare=with_trunk,
        start=carry_one,
        census=carried,
        done={**RUNNING, "taps": 3, "trunk": "ACTIVE"},
        undone={"servers": 1},
        again=lambda made, _trunk: None,  # it starts again by itself
    ),
    Drill(
        saga=RefreshRouter,
        world=lab,
        prepare=outside,
        start=joined,
        census=routers,
        done={"routers": 1, "outdated": 0, "ports": 2, "there": 1, "taps": 2, "segments": 2},
        undone={"routers": 1, "ports": 2},
        again=lambda made, _external: None,  # it starts again by itself
    ),
    Drill(
        saga=RemoveRouter,
        world=lab,
        prepare=leading_outside,
        start=lambda made, router: RouterManager(made.context).delete(router.id),
        census=routers,
        done={"routers": 0, "outdated": 0, "ports": 0, "there": 0, "taps": 0, "segments": 0},
        undone={"routers": 0, "ports": 0},
        again=lambda made, _router: None,  # it starts again by itself: nobody else would
    ),
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
