"""Evacuating: from a host that is provably dead alone, what each version says, and what fails."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from compute.fencing.fake import FakeFence
from compute.manager import HostFenceManager, HostManager
from instances.management.commands import evacuate
from instances.manager import InstanceManager
from instances.models import Instance, Migration
from operations.models import Operation, Service
from tests.builders.identity import client_of, make_member
from tests.drills.evacuations import Ward, host_of, ward
from tests.drills.server_volumes import Pair, attach

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Room(Ward):
    """A ward that is spoken to over HTTP."""

    def evacuate(self, server: str, version: str = "2.94", **said: Any) -> Any:
        """Ask as an admin."""
        admin = client_of(make_member("admin"))
        path, body = f"/servers/{server}/action", {"evacuate": said}
        return self.lab.send("POST", path, body, version=version, client=admin)

    def other(self, host: str) -> str:
        """Return the other host."""
        return next(name for name in self.lab.guests if name != host)


def evacuate_host(*words: str) -> str:
    said = StringIO()
    call_command("evacuate", *words, stdout=said)
    return said.getvalue()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Room]:
    with ward(tmp_path) as found:
        yield Room(found.lab)
    FakeFence.machines.powers.clear()


def test_a_host_that_may_be_alive_keeps_its_servers(made: Room) -> None:
    server = made.lab.create()
    host = host_of(server)
    refused = made.evacuate(server)
    assert refused.status_code == 409
    said = refused.json()["conflictingRequest"]["message"]
    assert said == f"Compute service of {host} is still in use."
    made.cloud.kill_host(host)
    refused = made.evacuate(server)
    assert refused.status_code == 409
    assert "not known to be off" in refused.json()["conflictingRequest"]["message"]
    HostFenceManager(made.operator).configure(host, kind="fake")
    HostFenceManager(made.operator).power(host, "off")
    made.cloud.settle()
    assert made.evacuate(server).status_code == 200
    made.cloud.settle()
    assert made.lab.show(server)["status"] == "ACTIVE"
    assert host_of(server) == made.other(host)


def test_versions(made: Room) -> None:
    server = made.lab.create()
    host = host_of(server)
    other = made.other(host)
    made.lose(host)
    for version, said in (
        ("2.1", {"force": True, "host": other}),
        ("2.13", {"onSharedStorage": True, "adminPass": "p"}),
        ("2.13", {"onSharedStorage": True}),  # its disk was a file of the dead host
        ("2.14", {"onSharedStorage": False}),
        ("2.29", {"force": True}),
        ("2.68", {"force": False, "host": other}),
        ("2.96", {"host": host}),
    ):
        assert made.evacuate(server, version, **said).status_code == 400, (version, said)
    assert made.evacuate(server, host="h9").status_code == 404
    told = made.evacuate(server, "2.13", onSharedStorage=False, adminPass="s3cret", host=other)
    assert (told.status_code, told.json()) == (200, {"adminPass": "s3cret"})
    refused = made.evacuate(server)
    assert (refused.status_code, "task_state rebuilding" in refused.content.decode()) == (409, True)
    made.cloud.settle()
    row = Migration.objects.get()
    assert (row.migration_type, row.status, row.dest_host) == ("evacuation", "done", other)
    made.give_back()
    row.refresh_from_db()
    assert row.status == "completed"


def test_a_stopped_server_stays_stopped_and_what_waits_for_the_host_is_given_up(made: Room) -> None:
    server = made.lab.create()
    InstanceManager(made.lab.context).stop(server)
    made.cloud.settle()
    host = host_of(server)
    made.lose(host)
    InstanceManager(made.lab.context).start(server)
    made.cloud.pass_time()
    assert made.evacuate(server, "2.29", host=made.other(host), force=True).content == b""
    made.cloud.settle()
    assert made.lab.show(server)["status"] == "SHUTOFF"
    assert host_of(server) == made.other(host)
    assert Operation.objects.get(kind="instances.start").state == "UNDONE"


def test_from_2_95_on_it_is_off_until_it_is_started(made: Room) -> None:
    server = made.lab.create()
    host = host_of(server)
    made.lose(host)
    made.evacuate(server, "2.95")
    made.cloud.settle()
    there = made.lab.guests[made.other(host)]
    assert (made.lab.show(server)["status"], there.get(server).power_state) == (
        "SHUTOFF",
        "shutdown",
    )
    InstanceManager(made.lab.context).start(server)
    made.cloud.settle()
    assert (made.lab.show(server)["status"], there.get(server).power_state) == ("ACTIVE", "running")


def test_without_room_elsewhere_it_stays_and_may_be_tried_again(made: Room) -> None:
    server = made.lab.create()
    host = host_of(server)
    hosts = HostManager(made.operator)
    hosts.disable(made.other(host))
    made.lose(host)
    made.evacuate(server)
    made.cloud.settle()
    row = Migration.objects.get()
    assert (row.status, host_of(server)) == ("error", host)
    assert "host" in row.error
    hosts.enable(made.other(host))
    made.evacuate(server)
    made.cloud.settle()
    assert host_of(server) == made.other(host)


def test_a_host_that_comes_back_in_time_keeps_its_servers(made: Room) -> None:
    server = made.lab.create()
    host = host_of(server)
    made.lose(host)
    made.evacuate(server)
    Service.objects.filter(host=host).update(forced_down=False)
    made.give_back()
    made.cloud.settle()
    assert host_of(server) == host
    assert Migration.objects.get().error == "The server's host came back: nothing was moved."
    assert Instance.objects.get(id=server).vm_state == "active"


def test_a_command_evacuates_all_servers_of_a_host_and_waits(
    made: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [made.lab.create() for _ in range(3)]
    host = host_of(servers[0])
    there = [one for one in servers if host_of(one) == host]
    with pytest.raises(CommandError, match="still in use"):
        evacuate_host(host)
    made.lose(host)
    for wrong in ((host, "--to", "h9"), ("h9",)):
        with pytest.raises(CommandError, match="h9 could not be found"):
            evacuate_host(*wrong)
    monkeypatch.setattr(f"{evacuate.__name__}.time.sleep", lambda _: made.cloud.settle())
    said = evacuate_host(host)
    assert f"{host}: 0 run elsewhere, {len(there)} under way, 0 stay." in said
    assert f"{host}: {len(there)} run elsewhere, 0 under way, 0 stay." in said
    assert {host_of(one) for one in servers} == {made.other(host)}
    assert "0 run elsewhere" in evacuate_host(host)


def test_a_command_says_which_servers_stay(made: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    server, paused = made.lab.create(), made.lab.create()
    host = host_of(server)
    HostManager(made.operator).disable(made.other(host))
    Instance.objects.filter(id=paused).update(host=host, vm_state="paused")
    made.lose(host)
    monkeypatch.setattr(f"{evacuate.__name__}.time.sleep", lambda _: made.cloud.settle())
    said = StringIO()
    with pytest.raises(CommandError, match=f"2 servers stay on {host}"):
        call_command("evacuate", host, stdout=said)
    assert f"{server} stays: No valid host was found" in said.getvalue()
    assert f"{paused} stays: Cannot 'evacuate' instance {paused}" in said.getvalue()


def test_a_volume_on_the_dead_host_keeps_its_server_there(made: Room) -> None:
    volume = made.lab.make_volume()
    (stores,) = [name for name, store in made.lab.stores.items() if store.census()]
    hosts = HostManager(made.operator)
    hosts.disable(made.other(stores))
    server = made.lab.create()
    hosts.enable(made.other(stores))
    attach(made.lab, Pair(server, volume))
    made.cloud.settle()
    made.lose(stores)
    made.evacuate(server)
    made.cloud.settle()
    assert Migration.objects.get().error == "A volume of the server lies on the host that is dead."
    assert host_of(server) == stores
