"""Volumes of a server that runs are snapshotted together, its file systems held still by its agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cloudweb.driver import Unguarded
from compute.objects import FreezeRequest
from instances.manager import InstanceManager
from instances.models import Instance
from operations.models import Debt
from tests.builders.instances import Lab, lab
from volume.manager import GroupManager, GroupSnapshotManager, SnapshotManager
from volume.models import Group, GroupType, Message, Snapshot, Volume, VolumeType
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


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Server]:
    """A server with a group of volumes that must be of one moment, on back ends that know none."""
    with lab(tmp_path, stores_lack=("snapshots_together",)) as made:
        made.give_agent()
        server = make_server(made)
        kind = GroupType.objects.create(
            name="strict", group_specs={"consistent_group_snapshot_enabled": "<is> True"}
        )
        types = [VolumeType.objects.get().name]
        row = GroupManager(made.context).create(group_type=str(kind.id), volume_types=types)
        made.cloud.settle()
        Volume.objects.update(group=row)
        yield server


def take(server: Server) -> tuple[set[tuple[str, str]], set[str]]:
    """Snapshot the group; return what the snapshots are, and what guests are then."""
    GroupSnapshotManager(server.lab.context).create(Group.objects.get().id)
    assert server.lab.act(server.id, "os-stop").status_code == 409
    server.lab.cloud.settle()
    guests = {driver._find(server.id).power_state for driver in server.lab.guests.values()}
    return {*Snapshot.objects.values_list("status", "consistency")}, {*guests}


def test_a_server_is_paused_where_one_moment_is_demanded_and_the_back_end_knows_none(
    group: Server,
) -> None:
    before = len(group.lab.guests["h1"]._find(group.id).console)
    assert take(group) == ({("available", Consistency.FILE_SYSTEMS)}, {"running"})
    said = [*group.lab.guests["h1"]._find(group.id).console][before:]
    assert said == [
        "fake-guest: frozen", "fake-guest: paused", "fake-guest: running", "fake-guest: thawed",
    ]  # fmt: skip
    assert Instance.objects.get().vm_state == "active"


def test_without_an_agent_that_answers_it_is_of_one_moment_all_the_same(group: Server) -> None:
    group.lab.guests["h1"].faults.fail("freeze", message="It does not answer.")
    assert take(group) == ({("available", Consistency.ONE_MOMENT)}, {"running"})
    assert "of one moment, as after a power cut. It does not" in Message.objects.get().text


def test_where_it_was_not_paused_there_is_no_snapshot_and_the_reason_is_said(group: Server) -> None:
    group.lab.guests["h1"].faults.fail("pause", times=9, message="It does not pause.")
    assert take(group) == ({("error", "")}, {"running"})
    assert "not of one moment, as was demanded. It does not pause." in Message.objects.get().text
    assert [store.snapshots for store in group.lab.stores["h1"].list()] == [(), ()]


def test_a_host_that_started_anew_lets_a_paused_guest_go_on(group: Server) -> None:
    agent = group.lab.cloud.hosts["h1"].agents["compute"]
    row = Instance.objects.get()
    order = FreezeRequest(
        id=group.id, name=row.hypervisor_name, wish="w", seconds=20, agent=False, pause=True
    )
    assert agent.freeze(order, Unguarded()).paused
    agent._freezes._held.clear()  # as a new process knows nothing of it
    agent.thaw_overdue()
    assert group.lab.guests["h1"]._find(group.id).power_state == "running"
