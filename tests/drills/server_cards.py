"""How the sagas of servers and their network cards are drilled."""

from __future__ import annotations

from typing import Any, NamedTuple

from instances.build_request import NetworkRequest
from instances.manager import InstanceManager
from instances.models import InstancePort
from instances.operations import AttachInterface, DetachInterface
from operations.testing import Drill
from tests.builders.instances import Lab, lab
from tests.drills import servers
from tests.drills.servers import ALONE, THERE, ends


class Pair(NamedTuple):
    """A server and a network that it is not on, or the port it has there."""

    server: str
    other: str


def apart(made: Lab) -> Pair:
    """Make a server and one more network."""
    return Pair(servers.alone(made), str(servers.second_network(made).id))


def together(made: Lab) -> Pair:
    """Make a server that was given a second card."""
    pair = apart(made)
    attach(made, pair)
    made.cloud.settle()
    return Pair(pair.server, str(InstancePort.objects.get(position=1).port_id))


def attach(made: Lab, pair: Pair) -> None:
    """Give the server a card on the network."""
    wanted = NetworkRequest(network_id=pair.other)
    InstanceManager(made.context).attach_interface(pair.server, wanted)


def detach(made: Lab, pair: Pair) -> None:
    """Take it away."""
    InstanceManager(made.context).detach_interface(*pair)


def delete(made: Lab, pair: Pair) -> None:
    """Delete the server."""
    InstanceManager(made.context).delete(pair.server)


def census(made: Lab, subject: Any) -> dict[str, Any]:
    """Count everything, and the cards of guests too."""
    guests = [(driver, one.id) for driver in made.guests.values() for one in driver.list()]
    return {
        **servers.census(made, subject),
        "cards": sum(len(driver.interfaces(one)) for driver, one in guests),
        "rows": sorted(InstancePort.objects.values_list("status", flat=True)),
    }


HAS: dict[str, Any] = {"cards": 2, "rows": ["attached", "attached"]}
HAS_NOT: dict[str, Any] = {"cards": 1, "rows": ["attached"]}
GONE: dict[str, Any] = {"cards": 0, "rows": []}

DRILLS = (
    Drill(
        saga=AttachInterface,
        world=lab,
        prepare=apart,
        start=attach,
        census=census,
        done={**ends("active", "running", **THERE), **HAS},
        undone={**ends("active", "running", **ALONE), **HAS_NOT},
        preempt=delete,
        preempted={**ends("deleted"), **GONE},
    ),
    Drill(
        saga=DetachInterface,
        world=lab,
        prepare=together,
        start=detach,
        census=census,
        done={**ends("active", "running", **ALONE), **HAS_NOT},
        undone={**ends("active", "running", **THERE), **HAS},
        preempt=delete,
        preempted={**ends("deleted"), **GONE},
    ),
)
