"""How the sagas of servers are drilled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from instances.manager import InstanceManager
from instances.models import Instance
from instances.operations import (
    CreateInstance,
    DeleteInstance,
    PauseInstance,
    RebootInstance,
    RebuildInstance,
    RescueInstance,
    ResumeInstance,
    StartInstance,
    StopInstance,
    SuspendInstance,
    UnpauseInstance,
    UnrescueInstance,
)
from instances.rebuild_request import RebuildRequest
from operations.testing import Drill
from tests.builders.instances import NOTHING, Lab, lab
from tests.builders.instances import census as count
from tests.builders.networks import make_network, make_subnet
from tests.builders.servers import wanted_server

#: What is there of one server with two cards.
THERE = {"servers": 1, "claims": 1, "ports": 2, "guests": 1, "taps": 2, "segments": 2}
#: And of one with one card.
ALONE = {**THERE, "ports": 1, "taps": 1, "segments": 1}


def create(made: Lab, second_network: Any) -> str:
    """Create a server with two cards: plugging them is several orders."""
    wanted = wanted_server(made.flavor, made.image, made.network, second_network)
    (server,) = InstanceManager(made.context).create(wanted)
    return str(server.id)


def second_network(made: Lab) -> Any:
    """Make one more network."""
    network = make_network(made.context, name="net2")
    make_subnet(network, made.context, cidr="10.0.1.0/24")
    return network


def built(made: Lab) -> str:
    """Build a server; return its id."""
    server = create(made, second_network(made))
    made.cloud.settle()
    return server


def census(made: Lab, _subject: Any) -> dict[str, Any]:
    """Count everything; tell the states and the power of the server."""
    states = Instance.objects.values_list("vm_state", "task_state")
    power = [guest.power_state for driver in made.guests.values() for guest in driver.list()]
    return {**count(made), "states": sorted(states), "power": power}


def ends(vm_state: str, *power: str, **counts: int) -> dict[str, Any]:
    """Return a census."""
    return {**NOTHING, "states": [(vm_state, None)], "power": list(power), **counts}


def stopped(made: Lab) -> str:
    """Build a server and stop it."""
    server = built(made)
    InstanceManager(made.context).stop(server)
    made.cloud.settle()
    return server


def alone(made: Lab) -> str:
    """Build a server with one card; return its id."""
    server = made.create()
    made.cloud.settle()
    return server


def halted(action: str) -> Callable[[Lab], str]:
    """Build a server with one card, and pause or suspend it."""

    def prepare(made: Lab) -> str:
        server = alone(made)
        act(action)(made, server)
        made.cloud.settle()
        return server

    return prepare


def act(action: str) -> Callable[[Lab, Any], None]:
    """Return what calls that method of the manager."""
    return lambda made, server: getattr(InstanceManager(made.context), action)(server)


def delete(made: Lab, server: Any) -> None:
    """Delete a server."""
    InstanceManager(made.context).delete(server)


def rescued_census(made: Lab, subject: Any) -> dict[str, Any]:
    """Count guests that run from a rescue disk, and servers that say so."""
    guests = [guest for driver in made.guests.values() for guest in driver._guests.values()]
    rows = Instance.objects.exclude(rescue_image_id="", rescue_password="")
    rescued = sum(bool(guest.rescue) for guest in guests)
    return {**census(made, subject), "rescued": rescued, "rows": rows.count()}


def rebuild(made: Lab, server: Any) -> None:
    """Rebuild a server under another name."""
    wanted = RebuildRequest(image_id=str(made.image.id), admin_password="secret", name="new")
    InstanceManager(made.context).rebuild(server, wanted=wanted)


def rebuilt_census(made: Lab, subject: Any) -> dict[str, Any]:
    """Count everything, and tell what became of the server, as far as its row and its guest agree."""
    counted = census(made, subject)
    row = Instance.objects.get()
    seen = (row.vm_state, row.task_state, row.name, row.before_rebuild, *counted["power"])
    meaning = {
        ("active", None, "new", "", "running"): "new",
        ("active", None, "vm1", "", "running"): "old or in error",
        ("error", None, "new", "", "shutdown"): "old or in error",
        ("error", None, "new", "", "running"): "old or in error",
        ("deleted", None): "gone",
    }
    gone = row.vm_state == "deleted"
    found = meaning.get(seen[:2] if gone else seen, seen)
    return {**count(made), "is": found}


def resting(state: str) -> dict[str, Any]:
    """Return what must be so after an action that failed: all is there, in the state it had."""
    return {**THERE, "states": [(state, None)]}


DRILLS = (
    Drill(
        saga=CreateInstance,
        world=lab,
        prepare=second_network,
        start=create,
        census=census,
        done=ends("active", "running", **THERE),
        undone=ends("error", servers=1),
        preempt=lambda made, _: delete(made, Instance.objects.get().id),
        preempted=ends("deleted"),
    ),
    Drill(
        saga=DeleteInstance,
        world=lab,
        prepare=built,
        start=delete,
        census=census,
        done=ends("deleted"),
        undone={"states": [("error", None)], "servers": 1},
    ),
    Drill(
        saga=StopInstance,
        world=lab,
        prepare=built,
        start=lambda made, server: InstanceManager(made.context).stop(server),
        census=census,
        done=ends("stopped", "shutdown", **THERE),
        undone=resting("active"),
        preempt=delete,
        preempted=ends("deleted"),
    ),
    Drill(
        saga=StartInstance,
        world=lab,
        prepare=stopped,
        start=lambda made, server: InstanceManager(made.context).start(server),
        census=census,
        done=ends("active", "running", **THERE),
        undone=resting("stopped"),
    ),
    Drill(
        saga=RebootInstance,
        name="soft",
        world=lab,
        prepare=built,
        start=lambda made, server: InstanceManager(made.context).reboot(server),
        census=census,
        done=ends("active", "running", **THERE),
        undone=resting("active"),
        preempt=lambda made, server: InstanceManager(made.context).reboot(server, hard=True),
        preempted=ends("active", "running", **THERE),
    ),
    Drill(
        saga=RebootInstance,
        name="hard",
        world=lab,
        prepare=built,
        start=lambda made, server: InstanceManager(made.context).reboot(server, hard=True),
        census=census,
        done=ends("active", "running", **THERE),
        undone=resting("active"),
    ),
    Drill(
        saga=PauseInstance,
        world=lab,
        prepare=alone,
        start=act("pause"),
        census=census,
        done=ends("paused", "paused", **ALONE),
        undone={**ALONE, "states": [("active", None)]},
        preempt=delete,
        preempted=ends("deleted"),
    ),
    Drill(
        saga=UnpauseInstance,
        world=lab,
        prepare=halted("pause"),
        start=act("unpause"),
        census=census,
        done=ends("active", "running", **ALONE),
        undone={**ALONE, "states": [("paused", None)]},
    ),
    Drill(
        saga=SuspendInstance,
        world=lab,
        prepare=alone,
        start=act("suspend"),
        census=census,
        done=ends("suspended", "suspended", **ALONE),
        undone={**ALONE, "states": [("active", None)]},
    ),
    Drill(
        saga=ResumeInstance,
        world=lab,
        prepare=halted("suspend"),
        start=act("resume"),
        census=census,
        done=ends("active", "running", **ALONE),
        undone={**ALONE, "states": [("suspended", None)]},
        only=("resume",),
    ),
    Drill(
        saga=RescueInstance,
        world=lab,
        prepare=alone,
        start=act("rescue"),
        census=rescued_census,
        done={**ends("rescued", "running", **ALONE), "rescued": 1, "rows": 1},
        undone={**ends("active", "running", **ALONE), "rescued": 0, "rows": 0},
        preempt=delete,
        preempted={**ends("deleted"), "rescued": 0, "rows": 0},
        only=("rescue",),
    ),
    Drill(
        saga=UnrescueInstance,
        world=lab,
        prepare=halted("rescue"),
        start=act("unrescue"),
        census=rescued_census,
        done={**ends("active", "running", **ALONE), "rescued": 0, "rows": 0},
        undone={**ends("rescued", "running", **ALONE), "rescued": 1, "rows": 1},
        only=("unrescue",),
    ),
    Drill(
        saga=RebuildInstance,
        world=lab,
        prepare=alone,
        start=rebuild,
        census=rebuilt_census,
        done={**NOTHING, **ALONE, "is": "new"},
        undone={**NOTHING, **ALONE, "is": "old or in error"},
        preempt=delete,
        preempted={**NOTHING, "is": "gone"},
        only=("wipe", "spawn"),
    ),
)
