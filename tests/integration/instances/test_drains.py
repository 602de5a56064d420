"""Hosts are emptied: what moves, what stays and why, and how they are put back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from cloudweb.context import RequestContext
from compute.exceptions import HostIsDown, HostNotFound
from compute.manager import HostManager
from compute.models import Host
from identity.authentication import find_user
from identity.bootstrap import bootstrap
from instances.exceptions import DrainNotFound
from instances.manager import HostDrainManager, InstanceManager
from instances.models import HostDrain, Instance, Migration
from tests.builders.instances import Lab, lab

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2) as found:
        yield found


def drains(made: Lab) -> HostDrainManager:
    return HostDrainManager(replace(made.context, roles=frozenset({"admin"})))


def on_h1(made: Lab, count: int) -> list[str]:
    """Make servers on the first host."""
    Host.objects.filter(name="h2").update(enabled=False)
    servers = [made.create() for _ in range(count)]
    Host.objects.filter(name="h2").update(enabled=True)
    return servers


def rounds(made: Lab, count: int) -> HostDrain:
    for _ in range(count):
        HostDrainManager(RequestContext.system()).advance_drains()
        made.cloud.settle()
    return HostDrain.objects.get()


def where(*servers: str) -> set[str]:
    return {Instance.objects.get(id=one).host for one in servers}


def test_a_host_is_emptied_two_at_a_time_and_put_back(made: Lab) -> None:
    servers = on_h1(made, 3)
    InstanceManager(made.context).stop(servers[2])
    made.cloud.settle()
    drains(made).drain("h1", reason="new disks")
    host = Host.objects.get(name="h1")
    assert (host.enabled, host.disabled_reason) == (False, "drained: new disks")
    HostDrainManager(RequestContext.system()).advance_drains()
    assert len(HostDrain.objects.get().moving) == 2
    made.cloud.settle()
    row = rounds(made, 4)
    assert (row.state, sorted(row.moved), row.stuck) == ("drained", sorted(servers), {})
    assert where(*servers) == {"h2"}
    states = [Instance.objects.get(id=one).vm_state for one in servers]
    assert states == ["active", "active", "stopped"]
    went = {str(one.instance_id): one.migration_type for one in Migration.objects.all()}
    assert [went[one] for one in servers] == ["live-migration", "live-migration", "migration"]
    assert not made.guests["h1"].list()
    drains(made).undrain("h1")
    assert Host.objects.get(name="h1").enabled
    with pytest.raises(DrainNotFound):
        drains(made).undrain("h1")


def test_what_cannot_move_is_named_with_its_reason_and_tried_again(made: Lab) -> None:
    halted, moves = on_h1(made, 2)
    InstanceManager(made.context).suspend(halted)
    made.cloud.settle()
    drains(made).drain("h1")
    row = rounds(made, 3)
    assert (row.state, row.moved) == ("drained", [moves])
    assert "while it is in vm_state suspended" in row.stuck[halted]
    InstanceManager(made.context).resume(halted)
    made.cloud.settle()
    Host.objects.filter(name="h2").update(enabled=False)
    drains(made).drain("h1")
    row = rounds(made, 3)
    assert row.state == "drained"
    assert "host" in row.stuck[halted]
    Host.objects.filter(name="h2").update(enabled=True)
    drains(made).drain("h1")
    assert rounds(made, 3).stuck == {}
    assert where(halted, moves) == {"h2"}


def test_a_server_that_is_busy_is_waited_for(made: Lab) -> None:
    (server,) = on_h1(made, 1)
    InstanceManager(made.context).stop(server)
    drains(made).drain("h1")
    HostDrainManager(RequestContext.system()).advance_drains()
    row = HostDrain.objects.get()
    assert (row.state, row.moving, row.stuck) == ("draining", [], {})
    made.cloud.settle()
    assert rounds(made, 3).moved == [server]


def test_a_host_that_is_down_is_not_drained(made: Lab) -> None:
    made.cloud.kill_host("h1")
    with pytest.raises(HostIsDown, match="only be evacuated"):
        drains(made).drain("h1")
    with pytest.raises(HostNotFound):
        drains(made).drain("h9")
    assert HostManager(RequestContext.system()).get("h1").enabled


def test_the_commands_say_how_far_it_is(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (server,) = on_h1(made, 1)

    def a_round(_seconds: float) -> None:
        HostDrainManager(RequestContext.system()).advance_drains()
        made.cloud.settle()

    monkeypatch.setattr("instances.management.commands.drain.time.sleep", a_round)
    out = StringIO()
    call_command("drain", "h1", reason="new disks", stdout=out)
    assert out.getvalue().splitlines()[-1] == (
        "h1, nothing more moves: 1 of 1 moved, 0 under way, 0 stay."
    )
    assert where(server) == {"h2"}
    call_command("undrain", "h1", stdout=out)
    for wrong in (("undrain", "h1"), ("drain", "h9")):
        with pytest.raises(CommandError):
            call_command(*wrong, stdout=out)


def test_operators_drain_by_their_pages(made: Lab) -> None:
    bootstrap(admin_password="p", demo_password="p")
    user = find_user(name="admin")
    assert user is not None
    client = Client()
    client.force_login(user)
    page, (server,) = "/admin/instances/hostdrain/", on_h1(made, 1)
    InstanceManager(made.context).suspend(server)
    made.cloud.settle()
    host = Host.objects.get(name="h1")
    link = f"{page}add/?host=h1"
    assert link in client.get(f"/admin/compute/host/{host.pk}/change/").content.decode()
    assert 'value="h1"' in client.get(link).content.decode()
    client.post(f"{page}add/", {"host": "h1", "reason": "new disks"})
    row = rounds(made, 2)
    shown = client.get(f"{page}{row.pk}/change/").content.decode()
    assert "while it is in vm_state suspended" in shown
    assert "0 of 1" in client.get(page).content.decode()
    acts: dict[str, Any] = {"_selected_action": [row.pk]}
    client.post(page, {"action": "put_back", **acts})
    row.refresh_from_db()
    assert row.state == "ended"
