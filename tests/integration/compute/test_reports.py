"""What hosts report becomes their rows; what users say never does."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb import events
from cloudweb.exceptions import PolicyNotAuthorized
from compute.bootstrap import DEFAULT_FLAVORS, ensure_default_flavors
from compute.manager import HostManager
from compute.models import Flavor, Host
from compute.objects import GuestState, HostInventory, HostLoad
from tests.builders.compute import make_context, make_flavor, make_host

pytestmark = pytest.mark.django_db
AGENTS = [
    {"topic": "network.h1", "domain": "network"},
    {"topic": "compute.h1", "domain": "compute"},
]


def make_inventory(**overrides: Any) -> HostInventory:
    facts: dict[str, Any] = {
        "driver": "fake",
        "capabilities": ("console_log",),
        "hypervisor_type": "fake",
        "hypervisor_version": 1,
        "vcpus": 4,
        "ram": 4096,
        "disk": 50,
    }
    return HostInventory(**{**facts, **overrides})


def report(services: list[dict[str, str]] | None = None, **parts: Any) -> None:
    wire = {name: part.dump() if hasattr(part, "dump") else part for name, part in parts.items()}
    events.emit("host.reported", host="h1", services=services or AGENTS, **wire)


def test_the_first_report_makes_a_host_without_room() -> None:
    report(load=HostLoad(ram_free=1, disk_free=2, guests=3))
    host = Host.objects.get()
    assert (host.name, host.zone, host.enabled) == ("h1", "nova", True)
    assert (host.measured_ram_free, host.measured_disk_free, host.running_guests) == (1, 2, 3)
    assert (host.vcpus, host.ram, host.disk) == (0, 0, 0)


def test_an_inventory_gives_it_room_and_later_reports_keep_it() -> None:
    guest = GuestState(id="i", name="instance-1", power_state="running")
    report(inventory=make_inventory(guests=(guest,)))
    report(load=HostLoad(ram_free=1, disk_free=2, guests=1))
    report()
    host = Host.objects.get()
    assert (host.vcpus, host.ram, host.disk) == (4, 4096, 50)
    assert host.capabilities == {"console_log": True}
    assert (host.guests[0]["name"], host.guests[0]["power_state"]) == ("instance-1", "running")


def test_a_report_never_undoes_what_an_operator_decided() -> None:
    make_host("h1", enabled=False, disabled_reason="r", zone="z", cpu_ratio=2.0, vcpus_used=3)
    report(inventory=make_inventory())
    host = Host.objects.get()
    assert (host.enabled, host.disabled_reason, host.zone) == (False, "r", "z")
    assert (host.cpu_ratio, host.vcpus_used) == (2.0, 3)


def test_a_host_without_a_compute_agent_is_none_of_ours() -> None:
    report([AGENTS[0]])
    assert not Host.objects.exists()


@pytest.mark.parametrize(
    "broken",
    [
        {"object": "HostInventory", "version": "2.0", "data": {}},
        {"object": "HostInventory", "version": "1.0", "data": {"vcpus": "many"}},
        {"object": "Other", "version": "1.0", "data": {}},
        {},
    ],
)
def test_a_part_that_cannot_be_read_keeps_the_rest(broken: dict[str, Any]) -> None:
    report(inventory=broken, load=HostLoad(ram_free=7, disk_free=8, guests=0))
    assert Host.objects.get().measured_ram_free == 7


def test_a_report_of_a_known_host_is_one_statement() -> None:
    make_host("h1")
    with CaptureQueriesContext(connection) as captured:
        report(load=HostLoad(ram_free=1, disk_free=2, guests=3))
    assert len(captured) == 1


def test_no_user_may_report() -> None:
    with pytest.raises(PolicyNotAuthorized):
        HostManager(make_context("admin")).report("h1")


def test_default_flavors_are_made_once_and_not_again() -> None:
    ensure_default_flavors()
    ensure_default_flavors()
    assert Flavor.objects.count() == len(DEFAULT_FLAVORS)
    nano = Flavor.objects.get(name="m1.nano")
    assert (nano.ram, nano.vcpus, nano.disk) == (128, 1, 1)
    Flavor.objects.filter(name="m1.large").delete()
    ensure_default_flavors()
    assert not Flavor.objects.filter(name="m1.large").exists()


def test_default_flavors_leave_an_operators_own_alone() -> None:
    make_flavor("mine")
    ensure_default_flavors()
    assert [flavor.name for flavor in Flavor.objects.all()] == ["mine"]
