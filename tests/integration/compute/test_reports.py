"""What hosts report becomes their rows; what users say never does."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.exceptions import PolicyNotAuthorized
from compute.bootstrap import DEFAULT_FLAVORS, ensure_default_flavors
from compute.manager import HostManager
from compute.models import Flavor, Host
from compute.objects import ComputeReport, GuestState, HostInventory, HostLoad
from network.models import Agent
from network.objects import NetworkInventory, NetworkReport
from operations.reporting import Parts, deliver
from tests.builders.compute import make_context, make_flavor, make_host

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


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


IDLE = HostLoad(ram_free=1, disk_free=2, guests=3)


def report(measured: HostLoad = IDLE, **more: Any) -> None:
    deliver([Parts("h1", {"compute": ComputeReport(measured=measured, **more).dump()})])


def test_the_first_report_makes_a_host_without_room() -> None:
    report()
    host = Host.objects.get()
    assert (host.name, host.zone, host.enabled) == ("h1", "nova", True)
    assert (host.measured_ram_free, host.measured_disk_free, host.running_guests) == (1, 2, 3)
    assert (host.vcpus, host.ram, host.disk) == (0, 0, 0)


def test_an_inventory_gives_it_room_and_later_reports_keep_it() -> None:
    guest = GuestState(id="i", name="instance-1", power_state="running")
    report(inventory=make_inventory(guests=(guest,)))
    report(HostLoad(ram_free=1, disk_free=2, guests=1))
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
    deliver([Parts("h1", {"network": NetworkReport().dump()})])
    assert not Host.objects.exists()


def test_a_part_that_cannot_be_read_keeps_the_rest() -> None:
    inventory = NetworkInventory(driver="FakeNetworkDriver", problems=("network n: it is gone",))
    rest = {"network": NetworkReport(inventory=inventory).dump()}
    part = ComputeReport(measured=IDLE, inventory=make_inventory()).dump()
    for broken in (
        {**part, "version": "2.0"},
        {**part, "data": {**part["data"], "measured": {"ram_free": "many"}}},
        {**part, "object": "HostInventory"},
        {},
    ):
        deliver([Parts("h1", {"compute": broken, "volume-to-come": part, **rest})])
    assert not Host.objects.exists()
    assert Agent.objects.get(host="h1").problems == ["network n: it is gone"]


def test_a_report_of_a_known_host_is_one_statement() -> None:
    make_host("h1")
    with CaptureQueriesContext(connection) as captured:
        report()
    assert len(captured) == 1


def test_problems_stay_until_a_report_has_none() -> None:
    report(problems=("The record of guest g was damaged.",))
    assert Host.objects.get().problems == ["The record of guest g was damaged."]
    report()
    assert Host.objects.get().problems == []


def test_no_user_may_report() -> None:
    with pytest.raises(PolicyNotAuthorized):
        HostManager(make_context("admin")).note_loads({})


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
