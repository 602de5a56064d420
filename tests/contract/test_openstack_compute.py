"""The real openstack command against flavors, hypervisors, services and zones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cloudweb.database.clock import now
from compute.models import Flavor
from instances.models import Instance
from operations.models import Service
from tests.builders.compute import make_flavor, make_host, make_service
from tests.builders.identity import make_member
from tests.builders.openstack import Command
from tests.builders.servers import make_server

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]
VERSIONS = ("2.1", "2.96")


def at(version: str | None) -> tuple[str, ...]:
    """The option by which a user asks for a version; None leaves it to the command."""
    return () if version is None else ("--os-compute-api-version", version)


@pytest.mark.parametrize("version", [None, *VERSIONS])
def test_flavors(openstack: Command, version: str | None) -> None:
    """Create, find by name, describe, withdraw."""
    option = at(version)
    size = ("--ram", "256", "--disk", "1", "--vcpus", "1", "--property", "hw:cpu_policy=shared")
    made = openstack.json(*option, "flavor", "create", "small", "--id", "auto", *size)
    assert (made["name"], made["ram"], made["properties"]) == (
        "small",
        256,
        {"hw:cpu_policy": "shared"},
    )
    shown = openstack.json(*option, "flavor", "show", "small", cloud="cloudweb")
    assert (shown["id"], shown["swap"], shown["properties"]) == (
        made["id"],
        0,
        {"hw:cpu_policy": "shared"},
    )
    openstack.text(*option, "flavor", "set", "small", "--property", "x=y")
    listed = openstack.json(*option, "flavor", "list", "--long", cloud="cloudweb")
    assert [(one["Name"], one["RAM"], one["Properties"]) for one in listed] == [
        ("small", 256, {"hw:cpu_policy": "shared", "x": "y"})
    ]
    openstack.text(*option, "flavor", "delete", "small")
    assert not Flavor.objects.exists()


def test_a_flavor_is_found_by_name_in_two_requests(openstack: Command) -> None:
    """As contract 12.8 recorded it."""
    make_flavor("m1.tiny", id="1")
    openstack.json("flavor", "show", "m1.tiny", cloud="cloudweb")
    path = "/compute/v2.1/flavors"
    compute = [one for one in openstack.requests if "/compute" in one]
    assert compute[0] == "GET /compute/v2.1"
    assert compute[1:3] == [f"GET {path}/m1.tiny", f"GET {path}/detail?is_public=None"]


def test_flavor_description_and_access(openstack: Command) -> None:
    """A private flavor for one project; the description needs 2.55."""
    size = ("--ram", "1", "--disk", "1", "--vcpus", "1", "--private", "--project", "demo")
    openstack.json("flavor", "create", "mine", *size)
    assert [one["Name"] for one in openstack.json("flavor", "list", cloud="cloudweb")] == ["mine"]
    openstack.text("flavor", "set", "mine", "--description", "for demo")
    assert Flavor.objects.get().description == "for demo"
    openstack.text("flavor", "unset", "mine", "--project", "demo")
    assert "No Flavor found" in openstack.refusal("flavor", "show", "mine", cloud="cloudweb")
    refused = openstack.refusal("flavor", "create", "x", *size[:6], cloud="cloudweb")
    assert "403" in refused
    assert "flavors:create" in refused


@pytest.mark.parametrize("version", [None, *VERSIONS])
def test_hypervisors(openstack: Command, version: str | None) -> None:
    """List and show by name."""
    make_host("h1", uptime=" 17:37:14 up  2:33,  3 users,  load average: 0.33, 0.36, 0.34")
    option = at(version)
    (listed,) = openstack.json(*option, "hypervisor", "list")
    assert (listed["Hypervisor Hostname"], listed["State"]) == ("h1", "up")
    shown = openstack.json(*option, "hypervisor", "show", "h1")
    assert (shown["hypervisor_hostname"], shown["state"]) == ("h1", "up")
    assert (shown["users"], shown["load_average"]) == ("3", "0.33, 0.36, 0.34")


def test_hypervisor_sums(openstack: Command) -> None:
    """The call ended with 2.88; the command asks for 2.87 by itself."""
    make_host("h1")
    stats = openstack.json("hypervisor", "stats", "show")
    assert (stats["count"], stats["vcpus"]) == (1, 8)


@pytest.mark.parametrize("version", [None, "2.1", "2.11", "2.53"])
def test_services(openstack: Command, version: str | None) -> None:
    """List, disable with a reason, enable, force down and up again, delete."""
    make_host("h1")
    make_service("conductor", "c1")
    service = (*at(version), "compute", "service")
    listed = openstack.json(*service, "list")
    assert {(one["Binary"], one["Host"], one["State"]) for one in listed} == {
        ("nova-compute", "h1", "up"),
        ("nova-conductor", "c1", "up"),
    }

    def change(*words: str) -> Any:
        openstack.text(*service, "set", *words, "h1", "nova-compute")
        (shown,) = openstack.json(*service, "list", "--long", "--host", "h1")
        return shown

    shown = change("--disable", "--disable-reason", "disk")
    assert (shown["Status"], shown["Disabled Reason"]) == ("disabled", "disk")
    shown = change("--enable")
    assert (shown["Status"], shown["Disabled Reason"]) == ("enabled", None)
    down = (*service, "set", "--down", "h1", "nova-compute")
    if version == "2.1":
        assert "2.11 or later is required" in openstack.refusal(*down)
    else:
        shown = change("--down")
        assert (shown["State"], shown["Forced Down"]) == ("down", True)
        shown = change("--up")
        assert (shown["State"], shown["Forced Down"]) == ("up", False)
    openstack.text(*service, "delete", str(shown["ID"]))
    assert not Service.objects.filter(host="h1").exists()


def test_hosts_as_they_were_until_2_42(openstack: Command) -> None:
    """The command asks at 2.1 by itself; agents of hypervisors are gone at every version."""
    make_host("h1")
    (listed,) = openstack.json("host", "list")
    assert (listed["Host Name"], listed["Service"]) == ("h1", "compute")
    rows = openstack.json("host", "show", "h1")
    assert (rows[0]["Project"], rows[0]["CPU"]) == ("(total)", 8)
    openstack.text("host", "set", "--disable", "h1")
    (service,) = openstack.json("compute", "service", "list", "--host", "h1")
    assert service["Status"] == "disabled"
    assert "410" in openstack.refusal("compute", "agent", "list")


def test_zones(openstack: Command) -> None:
    """The detail is an operator's; a user's command falls back on the list."""
    make_host("h1", zone="north")
    zones = openstack.json("availability", "zone", "list", "--compute", cloud="cloudweb")
    assert zones == [{"Zone Name": "north", "Zone Status": "available"}]
    detail = openstack.json("availability", "zone", "list", "--compute", "--long")
    assert [(one["Zone Name"], one["Host Name"]) for one in detail] == [("north", "h1")]


@pytest.mark.parametrize("version", ["2.13", "2.72"])
def test_a_dead_hosts_servers_are_evacuated(openstack: Command, version: str) -> None:
    """Nova's way: whoever fenced a host says so by forcing it down."""
    make_host("h1", last_seen_at=now() - timedelta(minutes=5))
    server = str(make_server(make_member("member"), name="vm1", host="h1").id)
    option = at(version)
    assert "not known to be off" in openstack.refusal(*option, "server", "evacuate", server)
    openstack.text(*option, "compute", "service", "set", "--down", "h1", "nova-compute")
    shown = openstack.json(*option, "server", "evacuate", server, "--password", "p")
    assert shown["name"] == "vm1"
    (moving,) = openstack.json(*option, "server", "migration", "list")
    assert (moving["Source Compute"], moving["Status"]) == ("h1", "pre-migrating")


def test_the_command_never_sees_the_end_of_an_evacuation(
    openstack: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What docs/host-failure.md says of --wait: it compares ACTIVE with active, whoever answers."""
    make_host("h1", last_seen_at=now() - timedelta(minutes=5))
    server = make_server(make_member("member"), host="h1")
    openstack.text("compute", "service", "set", "--down", "h1", "nova-compute")
    rounds = iter(range(3))

    def sleep(seconds: float) -> None:
        Instance.objects.filter(id=server.id).update(task_state=None)  # it is ACTIVE: that was it
        if next(rounds, None) is None:
            raise TimeoutError("it waits still")

    monkeypatch.setattr("osc_lib.utils.time.sleep", sleep)
    assert "it waits still" in openstack.refusal("server", "evacuate", "--wait", str(server.id))
    asked = [one for one in openstack.requests if one.startswith("GET /compute/v2.1/servers/")]
    assert len(asked) > 3
