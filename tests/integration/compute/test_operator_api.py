"""Services, hypervisors, zones, version documents over REST."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compute.models import Host
from compute.scheduler import claim
from operations.models import Service
from tests.builders.compute import (
    compute_client,
    fresh,
    long_ago,
    make_context,
    make_host,
    make_request,
    make_service,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
GUEST = {"id": str(uuid.uuid4()), "name": "instance-00000001", "power_state": "running"}

SERVICE_KEYS = {
    "id",
    "binary",
    "host",
    "zone",
    "status",
    "state",
    "updated_at",
    "disabled_reason",
}
CAPACITY_KEYS = {
    "cpu_info",
    "vcpus",
    "vcpus_used",
    "memory_mb",
    "memory_mb_used",
    "free_ram_mb",
    "local_gb",
    "local_gb_used",
    "free_disk_gb",
    "disk_available_least",
    "running_vms",
    "current_workload",
}
HYPERVISOR_KEYS = {
    "id",
    "hypervisor_hostname",
    "hypervisor_type",
    "hypervisor_version",
    "host_ip",
    "service",
    "state",
    "status",
}


def service_path() -> str:
    return f"/os-services/{Service.objects.get().id}"


def get(path: str, version: str | None = None, role: str = "admin", status: int = 200) -> Any:
    answer = compute_client(role, version).send("GET", path)
    assert answer.status_code == status, answer.content
    return answer.json()


# services


@pytest.mark.parametrize(
    ("version", "keys", "kind"),
    [
        ("2.1", SERVICE_KEYS, int),
        ("2.10", SERVICE_KEYS, int),
        ("2.11", SERVICE_KEYS | {"forced_down"}, int),
        ("2.52", SERVICE_KEYS | {"forced_down"}, int),
        ("2.53", SERVICE_KEYS | {"forced_down"}, str),
        ("2.69", SERVICE_KEYS | {"forced_down"}, str),
        ("2.96", SERVICE_KEYS | {"forced_down"}, str),
    ],
)
def test_services_by_version(version: str, keys: set[str], kind: type) -> None:
    make_host("h1")
    service = get("/os-services?binary=nova-compute", version)["services"][0]
    assert set(service) == keys
    assert isinstance(service["id"], kind)
    assert service["binary"] == "nova-compute"
    assert service["id"] in (Service.objects.get().number, str(Service.objects.get().id))
    assert (service["status"], service["state"], service["zone"]) == ("enabled", "up", "nova")
    assert service["disabled_reason"] is None
    assert not service["updated_at"].endswith("Z")


def test_services_are_filtered() -> None:
    make_host("h1")
    make_host("h2", last_seen_at=long_ago())
    found = get("/os-services?host=h2&binary=nova-compute")["services"]
    assert [(service["host"], service["state"]) for service in found] == [("h2", "down")]
    assert get("/os-services?host=h3")["services"] == []
    assert get("/os-services?binary=nova-nothing")["services"] == []


def test_services_are_changed_by_word_to_2_52() -> None:
    make_host("h1")
    admin = compute_client("admin", "2.52")
    named = {"host": "h1", "binary": "nova-compute"}
    answer = admin.send("PUT", "/os-services/disable", named)
    assert answer.json() == {"service": {**named, "status": "disabled"}}
    answer = admin.send("PUT", "/os-services/disable-log-reason", {**named, "disabled_reason": "r"})
    assert answer.json() == {"service": {**named, "status": "disabled", "disabled_reason": "r"}}
    assert Host.objects.get().disabled_reason == "r"
    answer = admin.send("PUT", "/os-services/enable", named)
    assert answer.json() == {"service": {**named, "status": "enabled"}}
    assert Host.objects.get().disabled_reason == ""
    answer = admin.send("PUT", "/os-services/force-down", {**named, "forced_down": True})
    assert answer.json() == {"service": {**named, "forced_down": True}}
    assert get("/os-services?host=h1")["services"][0]["state"] == "down"
    assert admin.send("PUT", "/os-services/explode", named).status_code == 404
    assert admin.send("PUT", "/os-services/enable", {**named, "host": "h9"}).status_code == 404
    older = compute_client("admin", "2.10")
    body = {**named, "forced_down": True}
    assert older.send("PUT", "/os-services/force-down", body).status_code == 404


def test_services_are_changed_by_id_from_2_53() -> None:
    make_host("h1")
    admin = compute_client("admin", "2.53")
    answer = admin.send(
        "PUT", service_path(), {"status": "disabled", "disabled_reason": "new disk"}
    )
    assert answer.status_code == 200
    service = answer.json()["service"]
    assert (service["status"], service["disabled_reason"]) == ("disabled", "new disk")
    answer = admin.send("PUT", service_path(), {"forced_down": True})
    assert answer.json()["service"]["state"] == "down"
    assert answer.json()["service"]["status"] == "disabled"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "sleepy"},
        {"status": "enabled", "disabled_reason": "r"},
        {"status": "disabled", "disabled_reason": "x" * 256},
        {"forced_down": "perhaps"},
        {"status": "enabled", "unknown": 1},
        {"disabled_reason": "alone"},
        [],
    ],
)
def test_wrong_service_changes_are_400(body: Any) -> None:
    host = make_host("h1")
    answer = compute_client("admin", "2.53").send("PUT", service_path(), body)
    assert answer.status_code == 400
    host.refresh_from_db()
    assert host.enabled
    assert not Service.objects.get().forced_down


@pytest.mark.parametrize("service_id", ["1", "enable", "3f7c9a52-6f0e-4c0e-9a53-0d1f6f1f9d11", "x"])
def test_unknown_services_are_404_from_2_53(service_id: str) -> None:
    make_host("h1")
    answer = compute_client("admin", "2.53").send(
        "PUT", f"/os-services/{service_id}", {"status": "enabled"}
    )
    assert answer.status_code == 404


def test_a_host_with_servers_is_not_forgotten() -> None:
    host = make_host("h1")
    claim(make_context(), instance_id=str(uuid.uuid4()), project_id="p", request=make_request())
    admin = compute_client("admin", "2.53")
    path = service_path()
    assert admin.send("DELETE", path).status_code == 409
    host.claims.all().delete()
    answer = admin.send("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert admin.send("DELETE", path).status_code == 404


def test_services_are_forgotten_by_number_to_2_52() -> None:
    make_host("h1")
    number = Service.objects.get().number
    old = compute_client("admin")
    assert old.send("DELETE", service_path()).status_code == 404
    assert old.send("DELETE", f"/os-services/{number}").status_code == 204
    assert not Host.objects.exists()


def test_hosts_are_shown_with_what_is_used_of_them_and_disabled_to_2_42() -> None:
    make_host("h1", vcpus=8, ram=4096, disk=100)
    admin = compute_client("admin", "2.42").send
    for project in ("p", "p", "q"):
        claim(
            make_context(),
            instance_id=str(uuid.uuid4()),
            project_id=project,
            request=make_request(vcpus=1, ram=512, disk=1),
        )
    found = admin("GET", "/os-hosts").json()["hosts"]
    assert {"host_name": "h1", "service": "compute", "zone": "nova"} in found
    assert admin("GET", "/os-hosts?zone=far").json()["hosts"] == []
    host = Host.objects.get()
    shown = [one["resource"] for one in admin("GET", "/os-hosts/h1").json()["host"]]
    assert [(one["project"], one["cpu"], one["memory_mb"], one["disk_gb"]) for one in shown] == [
        ("(total)", 8, host.ram, host.disk),
        ("(used_now)", 3, host.ram_used_in_all, host.disk_used_in_all),
        ("(used_max)", 3, 1536, 3),
        ("p", 2, 1024, 2),
        ("q", 1, 512, 1),
    ]
    answer = admin("PUT", "/os-hosts/h1", {"status": "Disable"})
    assert (answer.status_code, answer.json()) == (200, {"host": "h1", "status": "disabled"})
    assert not Host.objects.get().enabled
    assert admin("PUT", "/os-hosts/h1", {"maintenance_mode": "enable"}).status_code == 501
    assert admin("PUT", "/os-hosts/h1", {}).status_code == 400
    assert admin("GET", "/os-hosts/h9").status_code == 404
    assert admin("PUT", "/os-hosts/h9", {"status": "enable"}).status_code == 404


def test_services_of_the_control_plane_are_shown_but_not_changed() -> None:
    make_service("network", "h1")
    for domain in ("conductor", "scheduler", "taskmanager"):
        make_service(domain, "c1", last_seen_at=long_ago() if domain == "scheduler" else fresh())
    found = get("/os-services", "2.53")["services"]
    assert [(item["binary"], item["zone"], item["state"]) for item in found] == [
        ("nova-conductor", "internal", "up"),
        ("nova-scheduler", "internal", "down"),
    ]
    admin, path = compute_client("admin", "2.53"), f"/os-services/{found[0]['id']}"
    assert admin.send("PUT", path, {"status": "disabled"}).status_code == 400
    assert admin.send("DELETE", path).status_code == 400


# hypervisors


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("2.1", HYPERVISOR_KEYS | CAPACITY_KEYS),
        ("2.28", HYPERVISOR_KEYS | CAPACITY_KEYS),
        ("2.53", HYPERVISOR_KEYS | CAPACITY_KEYS),
        ("2.87", HYPERVISOR_KEYS | CAPACITY_KEYS),
        ("2.88", HYPERVISOR_KEYS | {"uptime"}),
        ("2.96", HYPERVISOR_KEYS | {"uptime"}),
    ],
)
def test_hypervisors_by_version(version: str, keys: set[str]) -> None:
    host = make_host("h1")
    listed = get("/os-hypervisors/detail", version)["hypervisors"][0]
    shown = get(f"/os-hypervisors/{listed['id']}", version)["hypervisor"]
    assert set(listed) == set(shown) == keys
    numeric = version in ("2.1", "2.28")
    assert listed["id"] == (host.number if numeric else str(host.id))
    agent = Service.objects.get()
    assert listed["service"]["id"] == (agent.number if numeric else str(agent.id))
    assert set(get("/os-hypervisors", version)["hypervisors"][0]) == {
        "id",
        "hypervisor_hostname",
        "state",
        "status",
    }


def test_cpu_info_is_text_to_2_27() -> None:
    make_host("h1")
    wanted = {"arch": "x86_64", "model": "qemu64"}
    for version in ("2.1", "2.27"):
        info = get("/os-hypervisors/detail", version)["hypervisors"][0]["cpu_info"]
        assert json.loads(info) == wanted
    assert get("/os-hypervisors/detail", "2.28")["hypervisors"][0]["cpu_info"] == wanted


def test_promises_are_counted() -> None:
    make_host("h1", vcpus=8, ram=8192, disk=100)
    claim(
        make_context(),
        instance_id=str(uuid.uuid4()),
        project_id="p",
        request=make_request(vcpus=2, ram=1024, disk=10),
    )
    shown = get("/os-hypervisors/detail")["hypervisors"][0]
    assert (shown["vcpus"], shown["vcpus_used"]) == (8, 2)
    assert (shown["free_ram_mb"], shown["free_disk_gb"]) == (7168, 90)
    assert shown["memory_mb"] - shown["memory_mb_used"] == shown["free_ram_mb"]
    sums = get("/os-hypervisors/statistics", "2.87")["hypervisor_statistics"]
    assert (sums["count"], sums["vcpus_used"], sums["free_ram_mb"]) == (1, 2, 7168)


def test_servers_of_hypervisors() -> None:
    make_host("h1", guests=[GUEST])
    make_host("h2")
    servers = [{"name": GUEST["name"], "uuid": GUEST["id"]}]
    listed = get("/os-hypervisors?with_servers=True", "2.53")["hypervisors"]
    assert listed[0]["servers"] == servers
    assert "servers" not in listed[1]
    listed = get("/os-hypervisors/detail?with_servers=1", "2.75")["hypervisors"]
    assert [item["servers"] for item in listed] == [servers, []]
    assert "servers" not in get("/os-hypervisors?with_servers=1", "2.52")["hypervisors"][0]
    old = get("/os-hypervisors/h1/servers", "2.52")["hypervisors"]
    assert [(item["hypervisor_hostname"], item["servers"]) for item in old] == [("h1", servers)]
    get("/os-hypervisors/h1/servers", "2.53", status=404)


def test_hypervisors_by_a_part_of_their_name() -> None:
    make_host("rack1-a")
    make_host("rack2-b")
    assert [
        h["hypervisor_hostname"] for h in get("/os-hypervisors/rack1/search")["hypervisors"]
    ] == ["rack1-a"]
    get("/os-hypervisors/rack9/search", status=404)
    get("/os-hypervisors/rack1/search", "2.53", status=404)
    path = "/os-hypervisors?hypervisor_hostname_pattern="
    assert len(get(f"{path}rack", "2.53")["hypervisors"]) == 2
    get(f"{path}rack9", "2.53", status=404)
    get(f"{path}rack&limit=1", "2.53", status=400)


@pytest.mark.parametrize("version", ["2.33", "2.53", "2.96"])
def test_hypervisors_are_paged(version: str) -> None:
    for number in range(3):
        make_host(f"h{number}")
    first = get("/os-hypervisors?limit=2", version)
    link = first["hypervisors_links"][0]["href"].partition("/compute/v2.1")[2]
    second = get(link, version)
    found = [item["hypervisor_hostname"] for item in first["hypervisors"] + second["hypervisors"]]
    assert found == ["h0", "h1", "h2"]
    assert "hypervisors_links" not in second
    get("/os-hypervisors?marker=nobody", version, status=400)
    get("/os-hypervisors?limit=-1", version, status=400)


def test_paging_is_not_known_before_2_33() -> None:
    make_host("h1")
    make_host("h2")
    assert len(get("/os-hypervisors?limit=1", "2.32")["hypervisors"]) == 2


@pytest.mark.parametrize("version", ["2.1", "2.53"])
@pytest.mark.parametrize("wanted", ["h1", "0", "99999999999999999999", "%00", "-1", "nil"])
def test_unknown_hypervisors_are_404(version: str, wanted: str) -> None:
    make_host("h1")
    answer = compute_client("admin", version).send("GET", f"/os-hypervisors/{wanted}")
    assert answer.status_code in (400, 404) if wanted == "%00" else answer.status_code == 404


def test_calls_that_ended_are_404() -> None:
    host = make_host("h1")
    get("/os-hypervisors/statistics", "2.88", status=404)
    get(f"/os-hypervisors/{host.id}/uptime", "2.88", status=404)


def test_how_long_a_hypervisor_is_up() -> None:
    """As its last report said, to 2.87 by a call of its own; 400 for one that is down."""
    line = " 17:37:14 up  2:33,  3 users,  load average: 0.33, 0.36, 0.34"
    up = make_host("h1", uptime=line)
    down = make_host("h2", uptime=line, last_seen_at=long_ago())
    silent = make_host("h3")
    path = "/os-hypervisors/{}/uptime"
    assert get(path.format(up.number), "2.52")["hypervisor"] == {
        "id": up.number,
        "hypervisor_hostname": "h1",
        "state": "up",
        "status": "enabled",
        "uptime": line,
    }
    assert get(path.format(up.id), "2.87")["hypervisor"]["id"] == str(up.id)
    assert get(path.format(silent.id), "2.87")["hypervisor"]["uptime"] == ""
    said = get(path.format(down.id), "2.87", status=400)["badRequest"]["message"]
    assert said == "Compute service of h2 is unavailable at this time."
    get(path.format("nobody"), "2.87", status=404)
    shown = get("/os-hypervisors/detail", "2.88")["hypervisors"]
    assert [one["uptime"] for one in shown] == [line, None, None]


def test_a_list_of_hosts_costs_one_statement() -> None:
    for number in range(20):
        make_host(f"h{number}")
    for path in ("/os-hypervisors/detail?with_servers=1", "/os-services", "/os-availability-zone"):
        client = compute_client("admin", "2.53")
        with CaptureQueriesContext(connection) as captured:
            assert client.send("GET", path).status_code == 200
        assert len(captured) <= 2, path  # hosts, and their services


# zones


def test_zones_say_whether_they_can_be_used() -> None:
    make_host("h1", zone="a")
    make_host("h2", zone="a", enabled=False)
    make_host("h3", zone="b", last_seen_at=long_ago())
    assert get("/os-availability-zone", role="reader") == {
        "availabilityZoneInfo": [
            {"zoneName": "a", "zoneState": {"available": True}, "hosts": None},
            {"zoneName": "b", "zoneState": {"available": False}, "hosts": None},
        ]
    }
    zones = {
        zone["zoneName"]: zone
        for zone in get("/os-availability-zone/detail")["availabilityZoneInfo"]
    }
    assert zones["a"]["hosts"]["h2"]["nova-compute"]["active"] is False
    assert zones["b"]["hosts"]["h3"]["nova-compute"]["available"] is False


# the rest


def test_version_documents_need_no_token() -> None:
    nobody = compute_client(None)
    document = {
        "id": "v2.1",
        "status": "CURRENT",
        "version": "2.96",
        "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": "http://testserver/compute/v2.1/"}],
    }
    nobody.prefix = ""
    first = {
        "id": "v2.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": "2011-01-21T11:33:21Z",
        "links": [{"rel": "self", "href": "http://testserver/compute/v2/"}],
    }
    for path in ("/compute", "/compute/"):
        assert nobody.send("GET", path).json() == {"versions": [first, document]}
    for path in ("/compute/v2", "/compute/v2/"):
        found = nobody.send("GET", path).json()["version"]
        media = found.pop("media-types")
        assert found == first
        assert media[0]["type"] == "application/vnd.openstack.compute+json;version=2"
    for path in ("/compute/v2.1", "/compute/v2.1/"):
        found = nobody.send("GET", path).json()["version"]
        media = found.pop("media-types")
        assert found == document
        assert media[0]["type"] == "application/vnd.openstack.compute+json;version=2.1"


def test_the_first_version_is_the_lowest_microversion() -> None:
    """What the list of versions leads to answers; its clients know no microversions."""
    make_host("h1")
    client = compute_client("admin", "2.96")
    client.prefix = ""
    answer = client.send("GET", "/compute/v2/os-hypervisors/detail")
    assert answer.headers["OpenStack-API-Version"] == "compute 2.1"
    assert answer.json()["hypervisors"][0]["vcpus"] == 8
    assert client.send("GET", "/compute/v2/os-nothing").status_code == 404
    assert client.send("GET", "/compute/v2/os-hypervisors/").status_code == 404


def test_the_effective_version_is_echoed() -> None:
    answer = compute_client("reader", "latest").send("GET", "/flavors")
    assert answer.headers["OpenStack-API-Version"] == "compute 2.96"
    assert answer.headers["X-OpenStack-Nova-API-Version"] == "2.96"
    assert compute_client("reader", "2.97").send("GET", "/flavors").status_code == 406
    assert compute_client("reader", "two").send("GET", "/flavors").status_code == 400


def test_extensions() -> None:
    listed = get("/extensions", role="reader")["extensions"]
    keys = {"alias", "name", "namespace", "description", "links", "updated"}
    assert {frozenset(one) for one in listed} == {frozenset(keys)}
    assert get("/extensions/os-flavor-manage", role="reader")["extension"] in listed
    get("/extensions/os-nothing", role="reader", status=404)
