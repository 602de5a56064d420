"""Volumes of a server that runs are snapshotted together, its file systems held still by its agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from instances.manager import InstanceManager
from instances.models import Instance
from operations.models import Debt
from tests.builders.instances import Lab, lab
from volume.manager import SnapshotManager
from volume.models import Message, Snapshot
from volume.states import Consistency

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Server(NamedTuple):
    """A server with two volumes, in a cloud of one host."""

    lab: Lab
    id: str
    volumes: list[str]

    def snapshot(self) -> None:
        SnapshotManager(self.lab.context).create_together(self.volumes, name="all")

    def said(self) -> dict[str, Any]:
        """Return what is known of the snapshots, of the guest, and what the tenant was told."""
        rows = Snapshot.objects.all()
        console = self.lab.guests["h1"]._find(self.id).console
        return {
            "snapshots": {(row.status, row.consistency) for row in rows},
            "guest": [line for line in console if "frozen" in line or "thawed" in line],
            "told": [one.text.partition(": ")[2] for one in Message.objects.all()],
            "frozen": self.lab.guests["h1"].is_frozen(self.id),
        }


FROZEN = ["fake-guest: frozen", "fake-guest: thawed"]
POWER_CUT = "The snapshots are as after a power cut. "
HELD: dict[str, Any] = {
    "snapshots": {("available", Consistency.FILE_SYSTEMS)},
    "guest": FROZEN,
    "told": [],
    "frozen": False,
}


def make_server(made: Lab) -> Server:
    server = made.create()
    volumes = [made.make_volume() for _ in range(2)]
    for volume in volumes:
        InstanceManager(made.context).attach_volume(server, volume)
        made.cloud.settle()
    return Server(made, server, volumes)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def server(cloud: Lab) -> Server:
    """One whose image says that it brings the agent."""
    cloud.give_agent()
    return make_server(cloud)


def test_a_server_with_an_agent_is_frozen_from_before_the_snapshots_until_after(
    server: Server,
) -> None:
    server.snapshot()
    server.lab.cloud.settle()
    assert server.said() == HELD
    assert Instance.objects.get().guest_agent


def test_a_server_without_one_is_not_asked_and_its_snapshots_say_so(cloud: Lab) -> None:
    server = make_server(cloud)
    server.snapshot()
    cloud.cloud.settle()
    assert server.said() == {
        **HELD, "snapshots": {("available", Consistency.ONE_MOMENT)}, "guest": [],
    }  # fmt: skip


def test_an_agent_that_does_not_answer_keeps_no_snapshot_back_and_its_tenant_is_told(
    server: Server,
) -> None:
    server.lab.guests["h1"].faults.fail("freeze", message="It does not answer.")
    server.snapshot()
    server.lab.cloud.settle()
    assert server.said() == {
        **HELD,
        "snapshots": {("available", Consistency.ONE_MOMENT)},
        "guest": [],
        "told": [f"{POWER_CUT}It does not answer."],
    }


def test_a_guest_that_went_on_by_itself_was_not_held(server: Server) -> None:
    """The agent of the volumes fails once, and meanwhile the host of the guest starts anew and thaws."""
    store = server.lab.stores["h1"]
    real = store.snapshot_together

    def meanwhile(*said: Any, **how: Any) -> None:
        real(*said, **how)
        for agent in server.lab.cloud.hosts["h1"].agents.values():
            if hasattr(agent, "_freezes"):
                agent._freezes._held.clear()  # as a new process knows nothing of it
                agent.thaw_overdue()

    store.snapshot_together = meanwhile  # type: ignore[method-assign]
    server.snapshot()
    server.lab.cloud.settle()
    found = server.said()
    assert found["snapshots"] == {("available", Consistency.ONE_MOMENT)}
    assert found["told"][0].startswith(POWER_CUT)
    assert (found["guest"], found["frozen"]) == (FROZEN, False)


def test_snapshots_that_fail_thaw_the_guest(server: Server) -> None:
    server.lab.stores["h1"].faults.fail("snapshot_together", transient=False)
    server.snapshot()
    server.lab.cloud.settle()
    found = server.said()
    assert (found["snapshots"], found["guest"], found["frozen"]) == ({("error", "")}, FROZEN, False)


def test_nobody_reboots_a_server_that_is_frozen_and_who_deletes_it_comes_first(
    server: Server,
) -> None:
    server.snapshot()
    assert server.lab.act(server.id, "reboot", {"type": "SOFT"}).status_code == 409
    InstanceManager(server.lab.context).delete(server.id)
    server.lab.cloud.settle()
    assert not Instance.objects.alive().exists()
    assert {*Snapshot.objects.values_list("status", flat=True)} <= {"error", "available"}
    assert not Debt.objects.exists()
