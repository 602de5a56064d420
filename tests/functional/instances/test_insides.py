"""Passwords, crash dumps, diagnostics, and states that are put right, on fake drivers."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from compute.models import Host
from instances.models import Instance
from network.models import Port
from operations.conductor import key_of
from tests.builders.identity import ApiClient, client_of, make_member
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        waiting = SimpleNamespace(sleep=lambda _: made.cloud.pump(), monotonic=lambda: 0.0)
        monkeypatch.setattr("operations.asking.time", waiting)
        yield made


@pytest.fixture
def operator(home: Lab) -> ApiClient:
    return client_of(make_member("admin"))


def said(home: Lab, server_id: str) -> str:
    return home.guests["h1"]._guests[server_id].console[-1]


def test_a_password_is_set_by_the_agent_in_the_guest(home: Lab) -> None:
    """Nova's words where there is none, where the guest refuses, and where no host can do it."""
    without = home.create()
    home.give_agent()
    home.image.properties.create(name="os_admin_user", value="tux")
    server_id = home.create()
    asked = {"adminPass": "new one"}
    fault = home.act(without, "changePassword", asked)
    assert (fault.status_code, fault.json()["conflictingRequest"]["message"]) == (
        *(409, "Guest agent is not enabled for the instance"),
    )
    answer = home.act(server_id, "changePassword", asked)
    assert (answer.status_code, answer.content) == (202, b"")
    assert said(home, server_id) == "fake-guest: password of tux set"
    home.guests["h1"].faults.fail("set_password", transient=False, message="it does not want to.")
    fault = home.act(server_id, "changePassword", asked)
    assert (fault.status_code, fault.json()["conflictingRequest"]["message"]) == (
        *(409, f"Failed to set admin password on {server_id} because it does not want to."),
    )
    for wrong in (None, {}, {"adminPass": ""}, {"adminPass": "x" * 256}, {"adminPass": 1}):
        assert home.act(server_id, "changePassword", wrong).status_code == 400
    log = home.send("GET", f"/servers/{server_id}/os-instance-actions").json()["instanceActions"]
    assert [one["action"] for one in log] == ["changePassword", "create"]
    assert not Instance.objects.filter(admin_password__contains="new one").exists()
    Host.objects.update(capabilities={})
    fault = home.act(server_id, "changePassword", asked)
    assert (fault.status_code, fault.json()["notImplemented"]["message"]) == (
        *(501, "Unable to set password on instance"),
    )


def test_a_crash_dump_from_2_17_on(home: Lab) -> None:
    server_id = home.create()
    path, body = f"/servers/{server_id}/action", {"trigger_crash_dump": None}
    assert home.send("POST", path, body, version="2.16").status_code == 404
    assert home.send("POST", path, body, version="2.17").status_code == 202
    assert said(home, server_id) == "fake-guest: NMI received"
    home.guests["h1"].crash(server_id, "crashed")  # before its cloud heard of it
    assert home.send("POST", path, body, version="2.17").status_code == 409


def test_diagnostics_in_both_forms(home: Lab, operator: ApiClient) -> None:
    server_id = home.create()
    path = f"/servers/{server_id}/diagnostics"
    assert home.send("GET", path).status_code == 403
    new = home.send("GET", path, version="2.48", client=operator).json()
    assert (new["state"], new["num_cpus"], new["num_nics"], new["num_disks"]) == (
        *("running", 1, 1, 1),
    )
    assert new["memory_details"] == {"maximum": home.flavor.ram, "used": None}
    assert new["cpu_details"] == [{"id": 0, "time": 0, "utilisation": None}]
    assert {*new["nic_details"][0]} >= {"mac_address", "rx_octets", "tx_drop", "tx_rate"}
    old = home.send("GET", path, version="2.47", client=operator).json()
    assert (old["cpu0_time"], old["root_read_req"], old["memory"]) == (0, 0, home.flavor.ram * 1024)
    assert any(key.endswith("_tx_packets") for key in old)
    home.act(server_id, "os-stop")
    home.cloud.settle()
    fault = home.send("GET", path, version="2.48", client=operator)
    message = fault.json()["conflictingRequest"]["message"]
    assert message == (
        f"Cannot 'get_diagnostics' instance {server_id} while it is in power_state shut down"
    )


def test_topology_from_2_78_on(home: Lab) -> None:
    server_id = home.create()
    path = f"/servers/{server_id}/topology"
    assert home.send("GET", path, version="2.77").status_code == 404
    found = home.send("GET", path, version="2.78")
    assert (found.status_code, found.json()) == (200, {"nodes": [], "pagesize_kb": None})


def test_a_state_is_put_right_by_a_look_at_the_guest(home: Lab, operator: ApiClient) -> None:
    """Whatever the row says; a guest that is gone is an error, a host that is away is believed later."""
    server_id = home.create()
    driver = home.guests["h1"]

    def reset(state: str) -> tuple[Any, ...]:
        path, body = f"/servers/{server_id}/action", {"os-resetState": {"state": state}}
        answer = home.send("POST", path, body, client=operator)
        shown = home.show(server_id)
        return (answer.status_code, shown["status"], shown["OS-EXT-STS:task_state"])

    assert home.act(server_id, "os-resetState", {"state": "error"}).status_code == 403
    assert reset("error") == (202, "ERROR", None)
    Instance.objects.update(task_state="rebooting_hard", fault_code=500, fault_message="Lost.")
    assert reset("active") == (202, "ACTIVE", None)
    assert Instance.objects.get().fault_message == ""
    found = []
    for power in ("shutdown", "paused", "suspended", "crashed", "running"):
        driver._guests[server_id].power_state = power  # type: ignore[assignment]
        found.append(reset("active")[1])
    assert found == ["SHUTOFF", "PAUSED", "SUSPENDED", "SHUTOFF", "ACTIVE"]
    Instance.objects.update(rescue_image_id=str(home.image.id), vm_state="error")
    assert reset("active")[1] == "RESCUE"
    Instance.objects.update(rescue_image_id="", vm_state="resized")
    assert reset("active")[1] == "VERIFY_RESIZE"
    Instance.objects.update(vm_state="error")
    driver.lose(server_id)
    assert reset("active")[1] == "ERROR"
    assert home.show(server_id)["fault"]["message"] == "The host has no such guest."
    home.cloud.kill_host("h1")
    assert reset("active")[1] == "ACTIVE"
    Instance.objects.update(host="")
    assert reset("active")[0] == 409
    bad = {"os-resetState": {"state": "stopped"}}
    assert (
        home.send("POST", f"/servers/{server_id}/action", bad, client=operator).status_code == 400
    )


def ask(home: Lab, path: str, body: bytes | None = None, *, sent: bytes | None = None) -> Any:
    """Ask the metadata service as the server's host does; ``sent``: another body than was signed."""
    port = Port.objects.get(device_owner__startswith="compute:")
    address = str(port.addresses.first().ip_address)
    stamp = str(int(time.time()))
    text = f"h1\n{port.network_id}\n{address}\n{stamp}\n{path}"
    if body is not None:
        text += f"\nPOST\n{hashlib.sha256(body).hexdigest()}"
    headers = {
        "X-Cloudweb-Host": "h1",
        "X-Cloudweb-Network": str(port.network_id),
        "X-Cloudweb-Address": address,
        "X-Cloudweb-Timestamp": stamp,
        "X-Cloudweb-Signature": hmac.new(key_of("h1"), text.encode(), hashlib.sha256).hexdigest(),
    }
    client, url = Client(headers=headers), f"/metadata{path}"
    if body is None:
        return client.get(url)
    data = body if sent is None else sent
    return client.post(url, data, content_type="application/octet-stream")


def test_the_password_that_a_guest_made(home: Lab) -> None:
    """Posted once, told to its user as it was posted, and forgotten by him; by a rebuild, too."""
    server_id, path = home.create(), "/openstack/latest/password"
    secret = b64encode(b"x" * 256)
    shown = f"/servers/{server_id}/os-server-password"
    assert home.send("GET", shown).json() == {"password": ""}
    assert (ask(home, path).status_code, ask(home, path).content) == (200, b"")
    cases = {
        "another body": ask(home, path, secret, sent=b"eA==").status_code,
        "no base64": ask(home, path, b"<script>").status_code,
        "empty": ask(home, path, b"").status_code,
        "too long": ask(home, path, b"A" * 1021).status_code,
        "elsewhere": ask(home, "/openstack/latest/user_data", secret).status_code,
        "no version": ask(home, "/openstack/1999-01-01/password", secret).status_code,
        "right": ask(home, path, secret).status_code,
        "again": ask(home, path, secret).status_code,
    }
    assert cases == {
        "another body": 403,
        "no base64": 400,
        "empty": 400,
        "too long": 400,
        "elsewhere": 405,
        "no version": 404,
        "right": 200,
        "again": 409,
    }
    assert home.send("GET", shown).json() == {"password": secret.decode()}
    assert ask(home, path).content == secret
    assert home.send("DELETE", shown).status_code == 204
    assert home.send("GET", shown).json() == {"password": ""}
    ask(home, path, secret)
    home.act(server_id, "rebuild", {"imageRef": str(home.image.id)})
    home.cloud.settle()
    assert home.send("GET", shown).json() == {"password": ""}
