"""A server's daily life over HTTP, on fake drivers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from cloudweb.database.clock import now
from cloudweb.driver import DriverError
from cloudweb.events import emit
from cloudweb.topics import INBOX, REPORTS
from compute.models import Flavor, Host
from compute.objects import PowerState
from instances.guest_metadata import GuestMetadata
from instances.models import Instance
from instances.operations import create
from network.events import MilestoneReached
from network.objects import PortMilestone
from operations.models import Debt, Operation
from operations.records import AWAITED
from tests.builders.damage import damage
from tests.builders.identity import client_with
from tests.builders.instances import NOTHING, Lab, census, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def test_create_show_delete(home: Lab) -> None:
    server_id = home.create()
    server = home.show(server_id)
    assert (server["status"], server["OS-EXT-STS:task_state"]) == ("ACTIVE", None)
    (address,) = server["addresses"]["net1"]
    assert address["addr"].startswith("10.0.0.")
    assert server["security_groups"] == [{"name": "default"}]
    assert server["flavor"]["original_name"] == home.flavor.name
    assert census(home)["guests"] == census(home)["taps"] == census(home)["claims"] == 1
    answer = home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    home.cloud.settle()
    assert home.client.send("GET", f"/compute/v2.1/servers/{server_id}").status_code == 404
    assert census(home) == NOTHING


def test_the_name_is_not_an_id(home: Lab) -> None:
    home.create()
    assert home.client.send("GET", "/compute/v2.1/servers/vm1").status_code == 404
    found = home.client.send("GET", "/compute/v2.1/servers?name=vm1").json()["servers"]
    assert [one["name"] for one in found] == ["vm1"]


def test_stop_start_reboot(home: Lab) -> None:
    server_id = home.create()
    for action, value, status, power in (
        ("os-stop", None, "SHUTOFF", 4),
        ("os-start", None, "ACTIVE", 1),
        ("reboot", {"type": "SOFT"}, "ACTIVE", 1),
        ("reboot", {"type": "HARD"}, "ACTIVE", 1),
        ("pause", None, "PAUSED", 3),
        ("unpause", None, "ACTIVE", 1),
        ("suspend", None, "SUSPENDED", 7),
        ("resume", None, "ACTIVE", 1),
        ("suspend", None, "SUSPENDED", 7),
        ("reboot", {"type": "HARD"}, "ACTIVE", 1),
    ):
        answer = home.act(server_id, action, value)
        assert (answer.status_code, answer.content) == (202, b"")
        home.cloud.settle()
        server = home.show(server_id)
        assert (server["status"], server["OS-EXT-STS:power_state"]) == (status, power)
        assert server["OS-EXT-STS:task_state"] is None


def test_wrong_state_is_a_conflict_in_novas_words(home: Lab) -> None:
    server_id = home.create()
    answer = home.act(server_id, "os-start")
    assert answer.status_code == 409
    assert answer.json()["conflictingRequest"]["message"] == (
        f"Cannot 'start' instance {server_id} while it is in vm_state active"
    )


def test_busy_server_is_a_conflict(home: Lab) -> None:
    server_id = home.create()
    assert home.act(server_id, "os-stop").status_code == 202
    answer = home.act(server_id, "reboot", {"type": "SOFT"})
    assert answer.status_code == 409
    assert "task_state powering-off" in answer.json()["conflictingRequest"]["message"]
    home.cloud.settle()


def test_hard_reboot_goes_over_a_soft_one(home: Lab) -> None:
    server_id = home.create()
    assert home.act(server_id, "reboot", {"type": "SOFT"}).status_code == 202
    assert home.show(server_id)["status"] == "REBOOT"
    assert home.act(server_id, "reboot", {"type": "HARD"}).status_code == 202
    home.cloud.settle()
    assert home.show(server_id)["status"] == "ACTIVE"
    assert census(home)["live"] == 0
    done = Operation.objects.filter(kind="instances.reboot").order_by("created_at")
    assert [(one.args["kind"], one.state) for one in done] == [
        ("SOFT", "UNDONE"), ("HARD", "DONE"),
    ]  # fmt: skip


def test_what_preempts_shows_its_own_task_until_it_is_done(home: Lab) -> None:
    server_id = home.create()
    home.cloud.broker.lose = lambda queue, _task, _argument: queue == "compute.h1"
    shown = []
    home.act(server_id, "reboot", {"type": "SOFT"})
    home.cloud.pump()
    for send in (
        lambda: home.act(server_id, "reboot", {"type": "HARD"}),
        lambda: home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}"),
    ):
        assert send().status_code < 300
        home.cloud.pump()
        home.cloud.sweep()
        home.cloud.pump()
        shown.append(home.show(server_id)["OS-EXT-STS:task_state"])
    assert shown == ["rebooting_hard", "deleting"]
    home.cloud.broker.lose = lambda *_: False
    home.cloud.settle()
    assert census(home) == NOTHING


def test_a_stop_that_failed_though_its_guest_did_stop_is_no_running_server(
    home: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, found = home.guests["h1"], {}

    def failing(act: Callable[..., Any]) -> Callable[..., Any]:
        def fail(*args: Any, **more: Any) -> None:
            act(*args, **more)
            raise DriverError("The hypervisor went away.")

        return fail

    server_id = home.create()
    for action, method in (("os-stop", "power_off"), ("os-start", "power_on")):
        for told_first in (True, False):  # how the guest is, before the failure or after it
            with monkeypatch.context() as patched:
                patched.setattr(driver, method, failing(getattr(driver, method)))
                home.cloud.broker.lose = lambda queue, *_, lost=told_first: lost and queue == INBOX
                assert home.act(server_id, action).status_code == 202
                home.cloud.pump()
                home.cloud.broker.lose = lambda *_: False
                for _ in range(2):
                    home.cloud.report()
                    home.cloud.pump()
            found[action, told_first] = home.show(server_id)["status"]
            home.act(server_id, "os-stop" if action == "os-start" else "os-start")
            home.cloud.settle()
        home.act(server_id, "os-stop")
        home.cloud.settle()
    assert found == {
        ("os-stop", True): "SHUTOFF", ("os-stop", False): "SHUTOFF",
        ("os-start", True): "ACTIVE", ("os-start", False): "ACTIVE",
    }  # fmt: skip


def test_delete_while_building(home: Lab) -> None:
    server_id = home.create(settle=False)
    for _ in range(2):
        assert home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}").status_code == 204
    home.cloud.settle()
    assert census(home) == NOTHING


def test_no_valid_host_says_what_would_fit(home: Lab) -> None:
    home.guests["h1"].ram = 2048
    home.cloud.report()
    home.cloud.pump()
    flavor = Flavor.objects.order_by("-ram").first()
    assert flavor is not None
    server_id = home.create(flavorRef=flavor.id)
    server = home.show(server_id)
    assert server["status"] == "ERROR"
    assert server["fault"]["code"] == 500
    assert server["fault"]["message"].startswith("No valid host was found.")
    assert "h1" not in server["fault"]["message"]
    assert server["hostId"] == ""
    assert census(home) == {**NOTHING, "servers": 1}


def test_build_that_fails_is_error_and_leaves_nothing(home: Lab) -> None:
    home.guests["h1"].faults.fail("spawn", transient=False, message="The disk is made of cheese.")
    server_id = home.create()
    server = home.show(server_id)
    assert (server["status"], server["fault"]["message"]) == (
        "ERROR",
        "The disk is made of cheese.",
    )
    assert census(home) == {**NOTHING, "servers": 1}
    home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
    home.cloud.settle()
    assert census(home) == NOTHING


def test_failing_host_hands_over_to_another(tmp_path: Path) -> None:
    with lab(tmp_path, hosts=2) as home:
        for name in ("h1", "h2"):
            home.guests[name].faults.fail("spawn", times=3)
        server_id = home.create(settle=False)
        home.cloud.settle()
        # both hosts fail three times: the third try has no host left
        assert home.show(server_id)["status"] == "ERROR"
        assert census(home) == {**NOTHING, "servers": 1}
        assert Host.objects.filter(build_failures=1).exists()  # the next goes elsewhere rather
        second = home.create(name="vm2")
        assert home.show(second)["status"] == "ACTIVE"


def test_a_build_outlives_a_disk_that_is_full_for_a_while(home: Lab) -> None:
    """Where no other host is left, the one is asked again: somebody may have made room."""
    home.guests["h1"].faults.fail("spawn", times=7, full=True)  # three tries at a time
    assert home.show(home.create())["status"] == "ACTIVE"


def test_a_disk_that_stays_full_ends_a_build_in_its_words(
    home: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create, "FULL_FOR", timedelta(0))
    home.guests["h1"].faults.fail("spawn", times=-1, full=True)
    server = home.show(home.create())
    assert server["status"] == "ERROR"
    assert server["fault"]["message"].startswith("No valid host was found. Of 1 host, 1 failed")
    assert server["fault"]["message"].endswith("What failed last: The host's disk is full.")
    assert census(home) == {**NOTHING, "servers": 1}


def test_a_build_waits_while_all_hosts_that_would_do_are_down(home: Lab, client: Client) -> None:
    home.cloud.kill_host("h1")
    server_id = home.create(settle=False)
    for _ in range(6):
        home.cloud.pump()
        home.cloud.make_due()
        home.cloud.sweep()
    server = home.show(server_id)
    assert (server["status"], server["OS-EXT-STS:task_state"]) == ("BUILD", "scheduling")
    client.force_login(home.user, backend="identity.backends.SqlBackend")
    page = client.get(f"/servers/{server_id}/history").content.decode()
    assert AWAITED in page
    home.add_host("h1")
    home.cloud.settle()
    assert home.show(server_id)["status"] == "ACTIVE"


def test_dead_host_owes_the_delete(home: Lab) -> None:
    server_id = home.create()
    home.cloud.kill_host("h1")
    assert home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}").status_code == 204
    home.cloud.settle()
    assert home.client.send("GET", f"/compute/v2.1/servers/{server_id}").status_code == 404
    assert Debt.objects.filter(paid_at=None).count() == 2
    home.add_host("h1")
    assert Debt.objects.filter(paid_at=None).count() == 0
    assert census(home) == NOTHING


def test_guest_that_stops_by_itself_is_shown(home: Lab) -> None:
    server_id = home.create()
    home.guests["h1"].crash(server_id)
    home.cloud.report()
    home.cloud.pump()
    server = home.show(server_id)
    assert (server["status"], server["OS-EXT-STS:power_state"]) == ("SHUTOFF", 6)


def test_what_halted_guests_do_by_themselves_is_shown(home: Lab) -> None:
    """One that its host halts stays ACTIVE; paused and suspended ones that end or go on are seen."""
    server_id = home.create()
    driver, shown = home.guests["h1"], []

    def seen(power: PowerState) -> None:
        driver.crash(server_id, power)
        home.cloud.report()
        home.cloud.pump()
        server = home.show(server_id)
        shown.append((server["status"], server["OS-EXT-STS:power_state"]))

    seen("paused")
    home.act(server_id, "pause")
    home.cloud.settle()
    seen("running")
    home.act(server_id, "pause")
    home.cloud.settle()
    seen("shutdown")
    home.act(server_id, "os-start")
    home.cloud.settle()
    seen("suspended")
    home.act(server_id, "resume")
    home.cloud.settle()
    home.act(server_id, "suspend")
    home.cloud.settle()
    seen("shutdown")
    assert shown == [
        *(("ACTIVE", 3), ("ACTIVE", 1), ("SHUTOFF", 4)),
        *(("SUSPENDED", 7), ("SHUTOFF", 4)),
    ]


def test_action_log(home: Lab) -> None:
    answer = home.client.send("POST", "/compute/v2.1/servers", home.body())
    request_id = answer.headers["X-Compute-Request-Id"]
    server_id = answer.json()["server"]["id"]
    home.cloud.settle()
    home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
    home.cloud.settle()
    url = f"/compute/v2.1/servers/{server_id}/os-instance-actions"
    assert home.client.send("GET", url).status_code == 404
    newest = {"OpenStack_API_Version": "compute 2.96"}
    listed = home.client.send("GET", url, **newest).json()["instanceActions"]
    assert [one["action"] for one in listed] == ["delete", "create"]
    one = home.client.send("GET", f"{url}/{request_id}", **newest).json()["instanceAction"]
    assert [event["event"] for event in reversed(one["events"])] == [
        "claim_host",
        "create_ports",
        "plug_ports",
        "spawn",
    ]
    assert {event["result"] for event in one["events"]} == {"Success"}


def test_console_log_needs_a_host(home: Lab) -> None:
    server_id = home.create(settle=False)
    answer = home.act(server_id, "os-getConsoleOutput", {})
    assert answer.status_code == 409
    home.cloud.settle()


def test_console_log_splits_as_novas_does(home: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients count the parts between line feeds, the empty one at the end too."""
    server_id = home.create()
    waiting = SimpleNamespace(sleep=lambda _: home.cloud.pump(), monotonic=lambda: 0.0)
    monkeypatch.setattr("operations.asking.time", waiting)

    def lines(value: object) -> list[str]:
        answer = home.act(server_id, "os-getConsoleOutput", value)
        assert answer.status_code == 200, answer.content
        parts: list[str] = answer.json()["output"].split("\n")
        return parts

    whole = lines(None)
    assert whole[-2:] == ["boot complete", ""]
    asked = {length: lines({"length": length}) for length in (0, 1, 2, "3", 100, -1)}
    assert asked == {
        0: [""],
        1: [""],
        2: ["boot complete", ""],
        "3": whole[-3:],
        100: whole,
        -1: whole,
    }


def test_a_host_name_with_dots(home: Lab) -> None:
    """From 2.94; the guest hears it whole, its ports carry the first label."""
    at = {"OpenStack_API_Version": "compute 2.94"}
    name = "Web." + ".".join(["d" * 62] * 3) + ".example"
    answer = home.client.send("POST", "/compute/v2.1/servers", home.body(hostname=name), **at)
    assert answer.status_code == 202, answer.content
    server_id = answer.json()["server"]["id"]
    home.cloud.settle()
    assert home.show(server_id)["OS-EXT-SRV-ATTR:hostname"] == name.lower()
    (port,) = home.client.send("GET", f"/network/v2.0/ports?device_id={server_id}").json()["ports"]
    assert port["dns_name"] == "web"
    path, body = f"/compute/v2.1/servers/{server_id}", {"server": {"hostname": "db.example"}}
    assert (
        home.client.send("PUT", path, body, OpenStack_API_Version="compute 2.93").status_code == 400
    )
    assert home.client.send("PUT", path, body, **at).status_code == 200
    guest = GuestMetadata(Instance.objects.get(id=server_id), [])
    assert guest.meta_data()["hostname"] == "db.example"


def test_addresses_of_access_have_one_form(home: Lab) -> None:
    server_id = home.create(accessIPv6="FD00:0:0::0005")
    assert home.show(server_id)["accessIPv6"] == "fd00::5"
    path = f"/compute/v2.1/servers/{server_id}"
    body = {"server": {"accessIPv6": "FD00:00::6", "accessIPv4": ""}}
    assert home.client.send("PUT", path, body).json()["server"]["accessIPv6"] == "fd00::6"


def test_quota(home: Lab) -> None:
    admin = client_with("admin")
    path = f"/compute/v2.1/os-quota-sets/{home.project.id}"
    assert admin.send("PUT", path, {"quota_set": {"instances": 1}}).status_code == 200
    home.create()
    answer = home.client.send("POST", "/compute/v2.1/servers", home.body())
    assert answer.status_code == 403
    assert answer.json()["forbidden"]["message"] == (
        "Quota exceeded for instances: Requested 1, but already used 1 of 1 instances"
    )
    assert Instance.objects.count() == 1


def test_user_brings_a_port(home: Lab) -> None:
    body = {"port": {"network_id": str(home.network.id), "name": "mine"}}
    port = home.client.send("POST", "/network/v2.0/ports", body).json()["port"]
    server_id = home.create(networks=[{"port": port["id"]}])
    shown = home.client.send("GET", f"/network/v2.0/ports/{port['id']}").json()["port"]
    assert (shown["device_id"], shown["status"]) == (server_id, "ACTIVE")
    home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
    home.cloud.settle()
    shown = home.client.send("GET", f"/network/v2.0/ports/{port['id']}").json()["port"]
    assert (shown["device_id"], shown["status"]) == ("", "DOWN")
    assert census(home) == NOTHING


def test_a_port_that_two_servers_want_stays_with_the_first(home: Lab) -> None:
    body = {"port": {"network_id": str(home.network.id)}}
    path = "/network/v2.0/ports"
    port = home.client.send("POST", path, body).json()["port"]["id"]
    cards = [{"uuid": str(home.network.id)}, {"port": port}]
    servers = [home.create(settle=False, networks=cards) for _ in range(2)]
    home.cloud.settle()
    first, late = sorted(servers, key=lambda one: home.show(one)["status"])
    assert [home.show(one)["status"] for one in (first, late)] == ["ACTIVE", "ERROR"]
    home.client.send("DELETE", f"/compute/v2.1/servers/{late}")
    home.cloud.settle()
    shown = home.client.send("GET", f"{path}/{port}").json()["port"]
    assert (shown["device_id"], shown["status"]) == (first, "ACTIVE")
    assert Instance.objects.get(id=first).port_ids[1] == port


def test_what_is_asked_for_of_cards_and_disks_is_kept(home: Lab) -> None:
    """Tags too; a block device that says what imageRef says is the same disk, however often it comes."""
    disk = {"uuid": str(home.image.id), "source_type": "image", "destination_type": "local"}
    server_id = home.create(
        settle=False,
        networks=[{"uuid": str(home.network.id), "tag": "inner"}, {"uuid": str(home.network.id)}],
        block_device_mapping_v2=[disk, disk | {"boot_index": 0, "tag": "root"}],
    )
    server = Instance.objects.get(id=server_id)
    assert [*server.ports.values_list("position", "tag", "port_id")] == [
        (0, "inner", None),
        (1, "", None),
    ]
    (row,) = server.block_devices.all()
    assert (row.source_id, row.boot_index, row.tag) == (home.image.id, 0, "root")
    assert row.size == home.flavor.disk


def test_several_at_once(home: Lab) -> None:
    home.create(min_count=3, max_count=3)
    names = sorted(Instance.objects.values_list("name", flat=True))
    assert names == ["vm1-1", "vm1-2", "vm1-3"]
    assert census(home)["guests"] == 3


def test_everything_lost_in_the_middle(home: Lab) -> None:
    ids = [home.create(settle=False, name=f"vm{n}") for n in range(5)]
    home.cloud.broker.flush_all()
    home.client.send("DELETE", f"/compute/v2.1/servers/{ids[0]}")
    home.cloud.sweep()
    home.cloud.broker.flush_all()
    home.cloud.settle()
    assert {home.show(one)["status"] for one in ids[1:]} == {"ACTIVE"}
    assert census(home)["guests"] == 4


def test_port_deleted_under_a_running_server_leaves_the_host(home: Lab) -> None:
    server_id = home.create()
    (port,) = home.client.send("GET", f"/network/v2.0/ports?device_id={server_id}").json()["ports"]
    assert home.client.send("DELETE", f"/network/v2.0/ports/{port['id']}").status_code == 204
    home.cloud.settle()
    assert census(home)["taps"] == 0
    assert home.show(server_id)["addresses"] == {}
    home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
    home.cloud.settle()
    assert census(home) == NOTHING


def test_project_with_servers_is_not_deleted(home: Lab) -> None:
    home.create()
    answer = client_with("admin").send("DELETE", f"/identity/v3/projects/{home.project.id}")
    assert answer.status_code == 409
    assert "1 server" in answer.json()["error"]["message"]


def test_host_that_reboots_starts_what_ran_and_nothing_it_owes(
    home: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot"
    boot.write_text("first")
    monkeypatch.setattr("compute.agent.BOOT_ID", boot)
    home.add_host("h1")
    kept, gone, off = (home.create(name=name) for name in ("kept", "gone", "off"))
    home.act(off, "os-stop")
    home.cloud.settle()
    home.start_guests("h1")
    home.cloud.kill_host("h1")
    home.client.send("DELETE", f"/compute/v2.1/servers/{gone}")
    home.cloud.settle()
    for server_id in (kept, gone):
        home.guests["h1"].crash(server_id, "shutdown")
    boot.write_text("second")
    home.add_host("h1")
    home.start_guests("h1")
    home.cloud.settle()
    states = {guest.id: guest.power_state for guest in home.guests["h1"].list()}
    assert states == {kept: "running", off: "shutdown"}
    assert (home.show(kept)["status"], home.show(off)["status"]) == ("ACTIVE", "SHUTOFF")


def test_a_guest_whose_record_was_damaged_shows_as_stopped_and_is_started_again(
    home: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot"
    boot.write_text("first")
    monkeypatch.setattr("compute.agent.BOOT_ID", boot)
    home.add_host("h1")
    well, lost = home.create(name="well"), home.create(name="lost")
    home.start_guests("h1")
    for record in (home.cloud.directory / "h1" / "network" / "wirings").rglob("*.json"):
        damage(record, "cut")
    damage(home.cloud.directory / "h1" / "guests" / f"{lost}.json", "cut")
    home.cloud.kill_host("h1")
    for server_id in (well, lost):
        home.guests["h1"].crash(server_id, "shutdown")
    shutil.rmtree(home.cloud.directory / "h1" / "network" / "networks")  # taps and bridges
    boot.write_text("second")
    home.add_host("h1")
    home.start_guests("h1")
    home.cloud.report()
    home.cloud.make_due()
    home.cloud.settle()
    assert (home.show(well)["status"], home.show(lost)["status"]) == ("ACTIVE", "SHUTOFF")
    assert len(Host.objects.get(name="h1").problems) == 1
    assert len(home.wires["h1"].ports()) == 2
    home.act(lost, "os-start")
    home.cloud.settle()
    home.cloud.report()
    home.cloud.settle()
    assert home.show(lost)["status"] == "ACTIVE"
    assert Host.objects.get(name="h1").problems == []


def test_what_a_host_has_is_compared_with_what_its_servers_should_be(home: Lab) -> None:
    dead, gone, well = (home.create(name=name) for name in ("dead", "gone", "well"))
    home.start_guests("h1")
    long_ago = now() - timedelta(minutes=1)
    Instance.objects.update(updated_at=long_ago)
    driver, agent = home.guests["h1"], home.cloud.hosts["h1"].agents["compute"]
    driver.crash(dead)
    driver.lose(gone)
    agent._changes = ()  # the news itself never came
    home.cloud.report()
    home.cloud.pump()
    shown = {name: home.show(name)["status"] for name in (dead, gone, well)}
    assert shown == {dead: "SHUTOFF", gone: "SHUTOFF", well: "ACTIVE"}
    home.act(dead, "os-start")
    home.cloud.settle()
    assert home.show(dead)["status"] == "ACTIVE"
    driver.crash(dead)
    agent._changes = ()
    home.cloud.report()  # what was seen so soon after a change may be older than it
    home.cloud.pump()
    assert home.show(dead)["status"] == "ACTIVE"
    Instance.objects.update(updated_at=long_ago)
    for _ in range(6):
        home.cloud.report()
    home.cloud.pump()
    assert home.show(dead)["status"] == "SHUTOFF"


def test_news_of_a_dead_guest_is_not_lost_and_counts_once(home: Lab) -> None:
    """Neither a report that nobody read nor an answer that never came changes what becomes of it."""
    server_id = home.create()
    home.cloud.broker.lose = lambda queue, *_: queue == REPORTS
    home.guests["h1"].crash(server_id)
    home.cloud.report()
    home.cloud.pump()
    assert home.show(server_id)["status"] == "ACTIVE"
    home.cloud.broker.lose = lambda _queue, task, _: task.endswith(".notice")
    home.cloud.report()
    home.cloud.pump()
    assert home.show(server_id)["status"] == "SHUTOFF"
    home.act(server_id, "os-start")
    home.cloud.settle()
    home.cloud.report()  # it tells the old news again: it was not answered
    home.cloud.pump()
    assert home.show(server_id)["status"] == "ACTIVE"
    home.cloud.broker.lose = lambda *_: False
    home.cloud.report()
    home.cloud.pump()
    assert home.cloud.hosts["h1"].agents["compute"]._changes == ()


def test_what_a_guest_does_first_is_noted_and_shown(home: Lab, client: Client) -> None:
    server_id = home.create()
    (port,) = Instance.objects.get(id=server_id).port_ids
    seen = PortMilestone(
        network_id=str(home.network.id), port_id=port, kind="dhcp", at=1_700_000_000.5
    )
    emit(MilestoneReached("h2", seen))  # another host's word
    assert Instance.objects.get(id=server_id).milestones == {}
    emit(MilestoneReached("h1", seen))
    assert Instance.objects.get(id=server_id).milestones == {"dhcp": 1_700_000_000.5}
    client.force_login(home.user, backend="identity.backends.SqlBackend")
    page = client.get(f"/servers/{server_id}/history").content.decode()
    assert "Got its address" in page
