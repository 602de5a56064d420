"""What clients that wait rely on (contract 12.5), one function a number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from network.models import Port
from tests.builders.identity import client_with
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)
SERVERS = "/compute/v2.1/servers"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    """A small cloud on fake drivers."""
    with lab(tmp_path) as made:
        yield made


def test_39_status_and_task_change_together(home: Lab) -> None:
    """Whoever sees the new status never sees the old task beside it."""
    server_id = home.create(settle=False)
    seen = set()
    for _ in range(200):
        server = home.show(server_id)
        seen.add((server["status"], server["OS-EXT-STS:task_state"]))
        if server["status"] == "ACTIVE":
            break
        home.cloud.pump()
    assert ("ACTIVE", None) in seen
    assert {task for status, task in seen if status == "ACTIVE"} == {None}


def test_40_what_is_deleted_is_gone_but_for_operators(home: Lab) -> None:
    """404 and out of the lists; ``deleted=True`` and the action log keep it."""
    server_id = home.create()
    assert home.client.send("DELETE", f"{SERVERS}/{server_id}").status_code == 204
    home.cloud.settle()
    assert home.client.send("GET", f"{SERVERS}/{server_id}").status_code == 404
    assert home.client.send("GET", SERVERS).json()["servers"] == []
    admin = client_with("admin")
    found = admin.send("GET", f"{SERVERS}?deleted=True&all_tenants=1").json()["servers"]
    assert [one["id"] for one in found] == [server_id]
    log = f"{SERVERS}/{server_id}/os-instance-actions"
    assert home.client.send("GET", log, OpenStack_API_Version="compute 2.20").status_code == 404
    actions = home.client.send("GET", log, OpenStack_API_Version="compute 2.21")
    assert {one["action"] for one in actions.json()["instanceActions"]} == {"create", "delete"}


def test_41_ports_are_up_before_and_gone_or_free_after(home: Lab) -> None:
    """A server is ACTIVE when its ports are; a port of the user's own outlives it, unbound."""
    port = home.client.send(
        "POST", "/network/v2.0/ports", {"port": {"network_id": str(home.network.id)}}
    ).json()["port"]
    server_id = home.create(networks=[{"uuid": str(home.network.id)}, {"port": port["id"]}])
    query = f"/network/v2.0/ports?device_id={server_id}"
    ports = home.client.send("GET", query).json()["ports"]
    assert home.show(server_id)["status"] == "ACTIVE"
    assert [one["status"] for one in ports] == ["ACTIVE", "ACTIVE"]
    home.client.send("DELETE", f"{SERVERS}/{server_id}")
    home.cloud.settle()
    assert home.client.send("GET", query).json()["ports"] == []
    left = home.client.send("GET", f"/network/v2.0/ports/{port['id']}").json()["port"]
    assert (left["device_id"], left["device_owner"]) == ("", "")
    assert not Port.objects.filter(device_owner__startswith="compute:").exists()


def test_43_the_create_calls_id_leads_to_its_action(home: Lab) -> None:
    """X-Compute-Request-Id of the answer is the key of the log."""
    answer = home.client.send("POST", SERVERS, home.body())
    request_id = answer.headers["X-Compute-Request-Id"]
    assert request_id == answer.headers["X-OpenStack-Request-Id"]
    server_id = answer.json()["server"]["id"]
    log = f"{SERVERS}/{server_id}/os-instance-actions/{request_id}"
    assert home.client.send("GET", log).json()["instanceAction"]["action"] == "create"


def test_44_deleting_twice(home: Lab) -> None:
    """A server that is being deleted: 204; a thing that is not there: 404 in every service."""
    server_id = home.create()
    for _ in range(2):
        assert home.client.send("DELETE", f"{SERVERS}/{server_id}").status_code == 204
    home.cloud.settle()
    assert home.client.send("DELETE", f"{SERVERS}/{server_id}").status_code == 404
    nobody = "00000000-0000-4000-8000-000000000000"
    admin = client_with("admin")
    for path in (
        "/network/v2.0/networks", "/network/v2.0/ports", "/image/v2/images", "/compute/v2.1/flavors",
        "/identity/v3/projects", "/identity/v3/users", "/identity/v3/roles",
    ):  # fmt: skip
        assert admin.send("DELETE", f"{path}/{nobody}").status_code == 404, path


def test_45_try_again_is_503_with_retry_after(home: Lab) -> None:
    """What a host has to answer now, while none is there."""
    server_id = home.create()
    home.cloud.kill_host("h1")
    answer = home.act(server_id, "os-getConsoleOutput", {})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["serviceUnavailable"]["code"] == 503
