"""Servers that go to another host while they run, over HTTP on fake drivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import Unguarded
from cloudweb.events import emit
from compute.drivers.fake_live import MIB
from compute.events import GuestsMoving
from compute.live_progress import LiveProgress
from compute.manager import HostFailureManager
from compute.models import Claim, Host
from compute.objects import GuestRef
from instances.exceptions import CannotMigrateToSameHost
from instances.manager import InstanceManager
from instances.models import Instance, Migration
from network.models import Port
from operations.models import Debt
from tests.builders.identity import client_with, make_context, make_member
from tests.builders.instances import Lab, lab
from tests.drills.server_volumes import Pair, attach
from volume.models import Attachment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2) as made:
        yield made


def move(made: Lab, server: str, *, version: str = "2.96", **said: Any) -> Any:
    body = {"os-migrateLive": {"host": None, "block_migration": "auto", **said}}
    path = f"/servers/{server}/action"
    return made.send("POST", path, body, version=version, client=client_with("admin"))


def host_of(server: str) -> str:
    return Instance.objects.get(id=server).host


def test_a_server_goes_to_another_host_with_its_ports_and_volumes(two: Lab) -> None:
    server = two.create()
    attach(two, Pair(server, two.make_volume()))
    two.cloud.settle()
    old = host_of(server)
    two.guests[old].write(server, "before")
    assert move(two, server).status_code == 202
    assert two.show(server)["status"] == "MIGRATING"
    two.cloud.settle()
    new = host_of(server)
    assert new != old
    assert two.show(server)["status"] == "ACTIVE"
    assert two.guests[new].read(server) == "before"
    assert two.guests[old].census() == ()
    assert {one.host for one in Port.objects.filter(device_id=server)} == {new}
    (held,) = Attachment.objects.all()
    assert (held.host, held.status, held.exclusive) == (new, "attached", True)
    assert Claim.objects.get().host.name == new


def migrations(
    made: Lab, server: str, path: str = "", *, version: str = "2.80", **said: Any
) -> Any:
    method, body = said.get("method", "GET"), said.get("body")
    path = f"/servers/{server}/migrations{path}"
    return made.send(method, path, body, version=version, client=client_with("admin"))


def test_what_hosts_say_against_it_ends_it_in_their_words(two: Lab) -> None:
    server = two.create()
    old = host_of(server)
    (new,) = {"h1", "h2"} - {old}
    two.guests[new].pace.refuses = ("It is full of holes.",)
    assert move(two, server).status_code == 202
    two.cloud.settle()
    row = Migration.objects.get()
    assert (row.status, row.error) == ("failed", "It is full of holes.")
    two.guests[new].pace.refuses = ()
    two.guests[old].faults.fail(
        "live_second", times=-1, transient=False, message="The cable broke."
    )
    move(two, server)
    two.cloud.settle()
    row = Migration.objects.order_by("-id")[0]
    assert (row.status, row.error) == ("failed", "The cable broke.")
    assert (host_of(server), two.show(server)["status"]) == (old, "ACTIVE")
    assert (Claim.objects.get().host.name, two.guests[new].census()) == (old, ())


def test_a_guest_that_is_held_still_goes_on_when_the_new_host_has_none(two: Lab) -> None:
    server = two.create()
    old = host_of(server)
    two.guests[old].faults.fail("live_switch", times=1, transient=False)
    move(two, server)
    two.cloud.settle()
    assert Migration.objects.get().status == "failed"
    assert [one.power_state for one in two.guests[old].list()] == ["running"]


def test_a_guest_that_came_although_its_host_died_is_where_it_came(two: Lab) -> None:
    server = two.create()
    old = host_of(server)
    two.guests[old].faults.fail("live_switch", times=1, transient=False, when="after")
    move(two, server)
    two.cloud.settle()
    assert Migration.objects.get().status == "completed"
    assert host_of(server) != old
    assert two.guests[old].census() == ()


def test_a_guest_that_went_over_and_died_there_is_not_taken_back(two: Lab) -> None:
    """What it flushed after the switch is on its new host alone."""
    server = two.create()
    old = host_of(server)
    assert move(two, server).status_code == 202
    while "result" not in Migration.objects.get().plan:
        two.cloud.pump(1, at_rest=False)
    row = Migration.objects.get()
    two.guests[row.dest_host].destroy(GuestRef(id=server, name="gone"), work=Unguarded())
    two.cloud.settle()
    row.refresh_from_db()
    assert (row.status, host_of(server)) == ("completed", row.dest_host)
    assert Claim.objects.get().host.name == row.dest_host != old
    assert two.guests[old].census() == ()


def test_one_that_went_to_a_host_that_died_then_can_be_deleted(two: Lab) -> None:
    """Nobody can ask that host; the old one said that the guest went there."""
    server = two.create()
    old = host_of(server)
    assert move(two, server).status_code == 202
    while "result" not in Migration.objects.get().plan:
        two.cloud.pump(1, at_rest=False)
    row = Migration.objects.get()
    two.cloud.kill_host(row.dest_host)
    for _ in range(3):
        two.cloud.pump()
        two.cloud.pass_time()
    assert two.send("DELETE", f"/servers/{server}").status_code == 204
    two.cloud.settle()
    row.refresh_from_db()
    assert row.status == "completed"
    assert two.send("GET", f"/servers/{server}").status_code == 404
    assert two.guests[old].census() == ()
    assert not Claim.objects.exists()


@pytest.mark.parametrize("known", ["result", "decided"])
def test_one_whose_new_host_is_lost_after_the_switch_is_that_hosts(two: Lab, known: str) -> None:
    """It can be evacuated from there, and is kept there if the host comes back."""
    server = two.create()
    old = host_of(server)
    assert move(two, server).status_code == 202
    while "result" not in Migration.objects.get().plan or (
        known == "decided" and host_of(server) == old
    ):
        two.cloud.pump(1, at_rest=False)
    row = Migration.objects.get()
    two.cloud.kill_host(row.dest_host)
    two.cloud.settle()
    row.refresh_from_db()
    assert (row.status, host_of(server)) == ("completed", row.dest_host)
    assert two.show(server)["OS-EXT-STS:task_state"] is None
    assert two.guests[old].census() == ()
    two.cloud.dead.clear()
    two.cloud.pass_time()
    two.cloud.settle()
    assert [one.power_state for one in two.guests[row.dest_host].list()] == ["running"]
    assert not Debt.objects.filter(paid_at=None).exists()
    assert {one.status for one in Port.objects.filter(device_id=server)} == {"ACTIVE"}


def test_one_whose_new_host_went_while_it_made_ready_is_called_off(two: Lab) -> None:
    """The order stands in the dead host's queue: nobody waits for that host."""
    server = two.create()
    old = host_of(server)
    assert move(two, server).status_code == 202
    while Migration.objects.get().status != "preparing":
        two.cloud.pump(1, at_rest=False)
    row = Migration.objects.get()
    two.cloud.kill_host(row.dest_host)
    for _ in range(3):
        two.cloud.pump()
        two.cloud.pass_time()
    assert two.show(server)["status"] == "MIGRATING"
    assert migrations(two, server, f"/{row.pk}", method="DELETE").status_code == 202
    two.cloud.settle()
    row.refresh_from_db()
    assert (row.status, host_of(server)) == ("cancelled", old)
    assert two.show(server)["status"] == "ACTIVE"
    assert Claim.objects.get().host.name == old


def test_one_whose_old_host_is_lost_on_its_way_is_called_off(two: Lab) -> None:
    """It can be evacuated then."""
    server = two.create()
    old = host_of(server)
    assert move(two, server).status_code == 202
    while Migration.objects.get().status != "running":
        two.cloud.pump(1, at_rest=False)
    row = Migration.objects.get()
    two.cloud.kill_host(old)
    two.cloud.pass_time()
    assert migrations(two, server, f"/{row.pk}", method="DELETE").status_code == 202
    two.cloud.settle()
    row.refresh_from_db()
    assert (row.status, host_of(server)) == ("cancelled", old)
    assert two.show(server)["OS-EXT-STS:task_state"] is None
    assert (Claim.objects.get().host.name, two.guests[row.dest_host].census()) == (old, ())


@pytest.mark.parametrize("shared", [False, True])
def test_one_whose_new_host_is_lost_at_the_switch_is_halted_until_that_is_off(
    two: Lab, shared: bool
) -> None:
    """Then it goes on where it is; what it shares it may have changed there: it is to boot anew."""
    server = two.create()
    old = host_of(server)
    (new,) = {"h1", "h2"} - {old}
    for one in two.guests.values() if shared else ():
        one.pace.storage = "both"
    two.guests[old].faults.fail("live_switch", times=1, transient=False)
    assert move(two, server).status_code == 202
    while Migration.objects.get().status != "running":
        two.cloud.pump(1, at_rest=False)
    two.cloud.kill_host(new)
    for _ in range(4):
        two.cloud.pass_time()
    assert two.show(server)["status"] == "ERROR"
    assert two.guests[old].get(server).power_state == "paused"
    operator = make_context(make_member("admin"))
    HostFailureManager(operator).confirm_off(new, reason="it burns")
    two.cloud.settle()
    assert Migration.objects.get().status == ("completed" if shared else "failed")
    assert (host_of(server), two.show(server)["OS-EXT-STS:task_state"]) == (
        (new if shared else old),
        None,
    )
    if shared:
        assert two.guests[old].census() == ()
        InstanceManager(operator).evacuate(server)
        two.cloud.settle()
    assert (host_of(server), two.guests[old].get(server).power_state) == (old, "running")
    assert two.show(server)["status"] == "ACTIVE"
    two.cloud.dead.clear()
    two.cloud.pass_time()
    two.cloud.settle()
    assert two.guests[new].census() == ()


def test_it_goes_by_version(two: Lab) -> None:
    server = two.create()
    old = host_of(server)
    (new,) = {"h1", "h2"} - {old}
    said = {"disk_over_commit": False, "block_migration": False}
    assert move(two, server, version="2.1", block_migration=False).status_code == 400
    assert move(two, server, version="2.1", **said, host=old).status_code == 400
    refused = move(two, server, version="2.1", **said, host="h9")
    assert "h9 could not be found" in refused.content.decode()
    for version, more in (("2.24", {}), ("2.29", {"force": True}), ("2.68", {"force": True})):
        assert move(two, server, version=version, **more).status_code == 400
    assert move(two, server, version="2.30", force=True).status_code == 400
    Instance.objects.filter(id=server).update(task_state="rebooting")
    assert move(two, server, host=new).status_code == 409
    Instance.objects.filter(id=server).update(task_state=None)
    assert move(two, server, version="2.67", force=True, host=new).status_code == 202
    (shown,) = migrations(two, server).json()["migrations"]
    assert (shown["status"], shown["source_compute"]) == ("queued", old)
    path = f"/{shown['id']}"
    assert migrations(two, server, path, version="2.64", method="DELETE").status_code == 400
    assert migrations(two, server, path, version="2.65", method="DELETE").status_code == 202
    two.cloud.settle()
    assert (Migration.objects.get().status, host_of(server)) == ("cancelled", old)
    assert migrations(two, server, path).status_code == 404
    (row,) = two.send("GET", "/os-migrations", client=client_with("admin")).json()["migrations"]
    assert row["migration_type"] == "live-migration"


def test_progress_comes_with_reports(two: Lab) -> None:
    server = two.create()
    move(two, server)
    row = Migration.objects.get()
    Migration.objects.filter(pk=row.pk).update(status="running")
    told = LiveProgress(id=server, memory_total=8 * MIB, memory_remaining=3 * MIB)
    emit(GuestsMoving("h9", [told]))
    assert migrations(two, server, f"/{row.pk}").json()["migration"]["memory_total_bytes"] is None
    emit(GuestsMoving(row.source_host, [told]))
    shown = migrations(two, server, f"/{row.pk}").json()["migration"]
    assert (shown["memory_total_bytes"], shown["memory_remaining_bytes"]) == (8 * MIB, 3 * MIB)


def test_hosts_are_asked_before(two: Lab) -> None:
    """The verdict needs hosts that answer while it waits: it is what the drivers say, and what is in the way."""
    server = Instance.objects.get(id=two.create())
    manager = InstanceManager(make_context(make_member("admin")))
    with pytest.raises(CannotMigrateToSameHost):
        manager.live_verdict(str(server.id), host=server.host)
    two.cloud.hosts.clear()
    Host.objects.exclude(name=server.host).update(enabled=False)
    (reason,) = manager.live_verdict(str(server.id)).reasons
    assert "host" in reason.lower()
