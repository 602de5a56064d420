"""How evacuations are drilled: a host with a server and a volume's guest dies, and comes back at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compute.manager import HostFailureManager, HostManager
from compute.models import Claim
from instances.manager import InstanceManager
from instances.models import Instance, Migration
from instances.operations import EvacuateInstance
from operations.testing import Cloud, Drill
from operations.testing.memory import unpaid_debts
from tests.builders.instances import Lab, lab
from tests.drills.server_volumes import Pair, attach
from volume.models import Attachment


@dataclass
class Ward:
    """A cloud of three hosts, of which one is dead for a while."""

    lab: Lab
    gone: str = ""

    @property
    def cloud(self) -> Cloud:
        """The cloud in memory."""
        return self.lab.cloud

    def add_host(self, name: str) -> None:
        """Start a host that is not dead."""
        if name != self.gone:
            self.lab.add_host(name)

    @property
    def operator(self) -> Any:
        """An admin of the server's project."""
        return replace(self.lab.context, roles=frozenset({"admin"}))

    def lose(self, host: str) -> None:
        """Let a host die, and somebody say so."""
        self.gone = host
        self.cloud.kill_host(host)
        HostFailureManager(self.operator).confirm_off(host, reason="it burns")

    def give_back(self) -> None:
        """Let it come back, and hear what it owes."""
        host, self.gone = self.gone, ""
        if host:
            self.lab.add_host(host)
            self.cloud.pass_time()
            self.cloud.pass_time()


@contextmanager
def ward(directory: Path) -> Iterator[Ward]:
    """Run a block in it."""
    with lab(directory, hosts=2) as made:
        yield Ward(made)


def with_volume(made: Ward) -> str:
    """Make a server that wrote on its disk, with a volume that lies on another host than it."""
    volume, hosts = made.lab.make_volume(), HostManager(made.operator)
    (stores,) = [name for name, store in made.lab.stores.items() if store.census()]
    hosts.disable(stores)
    server = made.lab.create()
    hosts.enable(stores)
    attach(made.lab, Pair(server, volume))
    made.cloud.settle()
    made.lab.guests[host_of(server)].write(server, "before")
    return server


def host_of(server: str) -> str:
    """Return where a server is."""
    return Instance.objects.get(id=server).host


def evacuate(made: Ward, server: str) -> None:
    """Let its host die, and have it built again elsewhere."""
    made.lose(host_of(server))
    InstanceManager(made.operator).evacuate(server)


def census(made: Ward, server: str) -> dict[str, Any]:
    """Let the dead host come back, and look what there is anywhere."""
    was = made.gone
    made.give_back()
    row, migration = Instance.objects.get(id=server), Migration.objects.latest("id")
    guests = [
        (name, one.power_state) for name, each in made.lab.guests.items() for one in each.list()
    ]
    attachments = Attachment.objects.all()
    return {
        "state": (row.vm_state, row.task_state),
        "moved": row.host not in ("", was),
        "guests": [power for _, power in guests],
        "where it says": all(name == row.host for name, _ in guests),
        "written": [made.lab.guests[name].read(server) for name, _ in guests],
        "claims": [*Claim.objects.values_list("host__name", flat=True)] == [row.host],
        "taps": sum(len(wire.ports()) for wire in made.lab.wires.values()),
        "attachments": [one.status for one in attachments],
        "reached from": [one.host in (row.host, "") for one in attachments],
        "disks": sum(len(made.lab.guests[name].attached_disks(server)) for name, _ in guests),
        "migration": migration.status,
        "debts": unpaid_debts(),
    }


MOVED = {
    "state": ("active", None),
    "moved": True,
    "guests": ["running"],
    "where it says": True,
    "written": [""],
    "claims": True,
    "taps": 1,
    "attachments": ["attached"],
    "reached from": [True],
    "disks": 1,
    "migration": "completed",
    "debts": 0,
}
STAYED = {
    **MOVED,
    "state": ("stopped", None),
    "moved": False,
    "guests": ["shutdown"],
    "written": ["before"],
    "taps": 0,
    "migration": "error",
}

DRILLS = (
    Drill(
        saga=EvacuateInstance,
        world=ward,
        prepare=with_volume,
        start=evacuate,
        census=census,
        done=MOVED,
        undone=STAYED,
        only=("leave_source", "switch", "stop_again", "forget_source"),
    ),
)
