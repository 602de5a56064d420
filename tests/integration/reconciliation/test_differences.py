"""What is not as it is written down is found within two looks, shown, and healed after its hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.driver import DriverError
from instances.models import Instance
from instances.states import PowerState
from network.manager import PortManager
from network.models import Port
from operations.models import Hold
from reconciliation import conf
from reconciliation.kinds import kinds
from reconciliation.manager import DifferenceManager
from reconciliation.models import Difference
from tests.builders.differences import found, let_time_pass, look, plant_everything, stray_guest
from tests.builders.instances import Lab, lab

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
RUNNING = {"defined": True, "power_state": "running"}
#: What nothing of ours can put right, or only when an operator says so.
FOR_HUMANS = {"volume_missing", "volume_unknown", "snapshot_unknown"}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2) as running:
        for name in running.cloud.hosts:
            running.start_guests(name)  # nothing ran before: from here on they look
        yield running


def heal(made: Lab) -> None:
    DifferenceManager(RequestContext.system()).heal_due()
    made.cloud.settle()


def test_each_kind_is_found_within_two_looks_and_healed(made: Lab) -> None:
    planted = plant_everything(made)
    look(made)
    assert found() == set()  # once may be chance
    look(made)
    seen = {*Difference.objects.confirmed().values_list("kind", "subject")}
    assert {*planted.items()} - seen == set()
    assert planted.keys() | {"export_unknown"} == kinds().keys()
    let_time_pass(conf.HOLD)
    heal(made)
    for row in Difference.objects.confirmed().filter(kind="guest_missing"):
        DifferenceManager(RequestContext.system()).heal(row.id)
    made.cloud.settle()
    look(made, cycles=2)
    heal(made)  # what came to light by healing
    look(made, cycles=2)
    assert [
        str(row.sentence) for row in Difference.objects.confirmed().exclude(kind__in=FOR_HUMANS)
    ] == []
    assert found() == FOR_HUMANS
    server = Instance.objects.get(id=planted["guest_missing"])
    assert made.guests[server.host].get(str(server.id)).power_state == "running"


def test_a_healthy_cloud_has_none_whatever_is_done_to_its_servers(made: Lab) -> None:
    server = made.create()
    volume = made.make_volume()
    look(made)
    body = {"volumeAttachment": {"volumeId": volume}}
    made.send("POST", f"/servers/{server}/os-volume_attachments", body)
    made.cloud.settle()
    look(made)
    for action in ("os-stop", "os-start", "pause", "unpause", "suspend", "resume"):
        assert made.act(server, action).status_code == 202
        made.cloud.settle()
        look(made)
    admin = made.client
    assert made.send("POST", f"/servers/{server}/action", {"migrate": None}, client=admin)
    flavor = {"resize": {"flavorRef": "2"}}
    made.send("POST", f"/servers/{server}/action", flavor)
    made.cloud.settle()
    look(made, cycles=2)  # what it was is kept until that is confirmed
    made.act(server, "confirmResize")
    made.cloud.settle()
    look(made)
    made.send("DELETE", f"/servers/{server}")
    made.cloud.settle()
    look(made, cycles=2)
    assert [str(row.sentence) for row in Difference.objects.all()] == []


def test_what_is_deleted_for_good_is_shown_for_its_hold_first(made: Lab) -> None:
    guest = stray_guest(made, **RUNNING)
    look(made, cycles=2)
    heal(made)
    assert [one.id for one in made.guests["h1"].list()] == [guest]
    let_time_pass(conf.HOLD)
    heal(made)
    assert made.guests["h1"].list() == []
    assert Difference.objects.get().gone_at is not None


def test_what_an_operator_leaves_stays(made: Lab) -> None:
    stray_guest(made, **RUNNING)
    look(made, cycles=2)
    DifferenceManager(RequestContext.system()).leave(Difference.objects.get().id)
    let_time_pass(conf.HOLD)
    heal(made)
    assert len(made.guests["h1"].list()) == 1
    assert found() == {"guest_unknown"}


def test_nothing_is_healed_where_settings_say_so(
    made: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "HEALS", False)
    stray_guest(made, **RUNNING)
    look(made, cycles=2)
    let_time_pass(conf.HOLD)
    heal(made)
    assert len(made.guests["h1"].list()) == 1


def test_what_became_right_meanwhile_is_not_touched(made: Lab) -> None:
    server = made.create()
    look(made)
    Instance.objects.filter(id=server).update(vm_state="deleted")
    look(made, cycles=2)
    assert "guest_unknown" in found()
    Instance.objects.filter(id=server).update(vm_state="active")  # an operator restored the row
    let_time_pass(conf.HOLD)
    heal(made)
    host = Instance.objects.get(id=server).host
    assert made.guests[host].get(server).power_state == "running"


def test_what_somebody_works_on_waits(made: Lab) -> None:
    server = made.create()
    host = Instance.objects.get(id=server).host
    made.guests[host]._guests[server].taps.clear()
    look(made, cycles=2)
    made.cloud.kill_host(host)
    assert made.act(server, "os-stop").status_code == 202
    DifferenceManager(RequestContext.system()).heal_due()
    assert Hold.objects.filter(resource_id=server).count() == 1
    assert Difference.objects.get().tries == 0


def test_one_that_cannot_be_healed_says_why_and_is_tried_less_and_less(made: Lab) -> None:
    guest = stray_guest(made, **RUNNING)
    look(made, cycles=2)
    let_time_pass(conf.HOLD)
    made.guests["h1"].faults.fail("destroy", transient=False, message="It is stuck.")
    heal(made)
    row = Difference.objects.get()
    assert (row.error, row.tries, row.gone_at) == ("It is stuck.", 1, None)
    assert row.heal_at is not None
    assert made.guests["h1"].get(guest)
    let_time_pass(timedelta(minutes=6))
    heal(made)
    assert made.guests["h1"].list() == []


def test_what_a_tenant_wrote_into_its_own_port_is_no_difference(made: Lab) -> None:
    port = PortManager(made.context).create(network_id=made.network.id)
    Port.objects.filter(id=port.id).update(device_id=str(port.id), device_owner="compute:mine")
    look(made, cycles=2)
    assert found() == set()


def test_of_a_guest_that_cannot_be_looked_at_nothing_is_said(
    made: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = made.create()

    def busy(_guest: str) -> Any:
        raise DriverError("Its monitor is busy.")

    for driver in made.guests.values():
        monkeypatch.setattr(driver, "interfaces", busy)
    look(made, cycles=2)
    assert found() == set()
    assert Instance.objects.get(id=server).power_state == PowerState.RUNNING


def test_of_a_back_end_that_does_not_work_nothing_is_said(made: Lab) -> None:
    made.make_volume()
    for host in made.cloud.hosts.values():
        host.agents["volume"]._broken["fake"] = "It is full."  # type: ignore[attr-defined]
    look(made, cycles=2)
    assert found() == set()
