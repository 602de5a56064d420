"""The real openstack command against servers, in a cloud of real processes on fake drivers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.builders.images import RAW
from tests.builders.shell import WAIT, Shell, shell
from tests.infrastructure import wait_until

pytestmark = pytest.mark.openstack
__all__ = ["shell"]
VERSIONS = (None, "2.1", "2.96")
#: Version documents, which a second command of one process knows already.
DISCOVERY = {"GET /image", "GET /compute/v2.1"}


def make_parts(shell: Shell, tmp_path: Path) -> None:
    """Image, network, subnet, group, rule, port and key, each by its command."""
    disk = tmp_path / "disk.raw"
    disk.write_bytes(RAW)
    image = shell.json("image", "create", "t-image", "--disk-format", "raw", "--file", str(disk))
    assert image["status"] in ("active", "queued")
    assert [one.split()[0] for one in shell.requests if "/image/v2" in one][:2] == ["POST", "PUT"]
    saved = tmp_path / "saved.raw"
    shell.run("image", "save", "--file", str(saved), "t-image")
    assert saved.read_bytes() == RAW
    shell.run("network", "create", "t-net")
    shell.run("subnet", "create", "t-sub", "--network", "t-net", "--subnet-range", "10.77.0.0/24")
    shell.run("security", "group", "create", "t-web")
    rule = shell.json(
        "security", "group", "rule", "create", "t-web", "--protocol", "tcp", "--dst-port", "22"
    )
    assert (rule["port_range_min"], rule["remote_ip_prefix"]) == (22, "0.0.0.0/0")
    port = shell.json("port", "create", "t-port", "--network", "t-net")
    assert port["fixed_ips"][0]["ip_address"].startswith("10.77.0.")
    key = tmp_path / "key"
    shell.run("keypair", "create", "t-key", "--private-key", str(key))
    assert "PRIVATE KEY" in key.read_text()


def test_a_servers_life(shell: Shell, tmp_path: Path) -> None:
    make_parts(shell, tmp_path)
    for version in VERSIONS:
        shell.version = version
        live(shell)


def live(shell: Shell) -> None:
    made = shell.json(
        "server", "create", "--image", "t-image", "--flavor", "m1.tiny", "--network", "t-net",
        "--key-name", "t-key", "--security-group", "default", "--property", "a=b", WAIT, "t-vm",
    )  # fmt: skip
    assert (made["status"], made["name"]) == ("ACTIVE", "t-vm")
    assert made["adminPass"]
    (listed,) = [one for one in shell.json("server", "list") if one["Name"] == "t-vm"]
    assert (listed["Status"], listed["Image"], listed["Flavor"]) == ("ACTIVE", "t-image", "m1.tiny")
    assert listed["Networks"]["t-net"][0].startswith("10.77.0.")
    shown = shell.json("server", "show", "t-vm")
    assert (shown["properties"], shown["key_name"]) == ({"a": "b"}, "t-key")
    shell.run("server", "set", "--property", "c=d", "--name", "t-new", "t-vm")
    for verb, status in (
        *(("stop", "SHUTOFF"), ("start", "ACTIVE")),
        *(("pause", "PAUSED"), ("unpause", "ACTIVE")),
        *(("suspend", "SUSPENDED"), ("resume", "ACTIVE")),
    ):
        shell.run("server", verb, "t-new")
        wait_for(shell, status)
    shell.run("server", "reboot", "--soft", WAIT, "t-new")
    shell.run("server", "reboot", "--hard", WAIT, "t-new")
    assert shell.json("server", "show", "t-new")["properties"] == {"a": "b", "c": "d"}
    assert isinstance(shell.run("console", "log", "show", "t-new"), str)
    events = shell.json("server", "event", "list", "t-new")
    assert [one["Action"] for one in events] == [
        *("reboot", "reboot", "resume", "suspend"),
        *("unpause", "pause", "start", "stop", "create"),
    ]
    event = shell.json("server", "event", "show", "t-new", events[-1]["Request ID"])
    assert event["action"] == "create"
    assert "409" in shell.run("server", "start", "t-new", code=1)
    assert shell.json("usage", "show")["Servers"]
    newer = ("--os-compute-api-version", "2.73", "server")
    shell.run(*newer, "lock", "--reason", "keep it", "t-new")
    locked = shell.json(*newer, "show", "t-new")
    assert (locked["locked"], locked["locked_reason"]) == (True, "keep it")
    shell.run("server", "lock", "t-new")
    shell.run("server", "unlock", "t-new")
    assert shell.json(*newer, "show", "t-new")["locked"] is False
    if shell.version is not None:
        recover(shell)
    shell.run("server", "delete", WAIT, "t-new")
    left = [one["Name"] for one in shell.json("server", "list")]
    assert not [name for name in left if name.startswith("t-")]  # other tests share this cloud


def recover(shell: Shell) -> None:
    """Rescue and rebuild a server, and look into it, as the client at hand does."""
    shell.run("server", "rescue", "--image", "t-image", "--password", "p", "t-new")
    wait_for(shell, "RESCUE")
    shell.run("server", "unrescue", "t-new")
    wait_for(shell, "ACTIVE")
    shell.run("server", "rebuild", "--image", "t-image", "--property", "e=f", WAIT, "t-new")
    wait_for(shell, "ACTIVE")
    assert shell.json("server", "show", "t-new")["properties"] == {"e": "f"}
    assert "409" in shell.run("server", "set", "--password", "new", "t-new", code=1)  # no agent
    newest = ("--os-compute-api-version", "2.96", "server")
    shell.run(*newest, "dump", "create", "t-new")
    assert "nodes" in shell.run(*newest, "show", "--topology", "t-new")


def wait_for(shell: Shell, status: str) -> None:
    """Ask until the server shows the status and rests, as a script of a user would."""
    for _ in range(200):
        shown = shell.json("server", "show", "t-new")
        if shown["status"] == status and shown["OS-EXT-STS:task_state"] is None:
            return
    raise AssertionError(f"it stays {shown['status']}")


def test_network_cards_of_servers(shell: Shell, tmp_path: Path) -> None:
    """Given by a network, a port and an address, and taken by each."""
    disk = tmp_path / "disk.raw"
    disk.write_bytes(RAW)
    shell.run("image", "create", "c-image", "--disk-format", "raw", "--file", str(disk))
    for number, name in enumerate(("c-net", "c-back")):
        block = f"10.{78 + number}.0.0/24"
        shell.run("network", "create", name)
        shell.run("subnet", "create", name, "--network", name, "--subnet-range", block)
    port = shell.json("port", "create", "--network", "c-back", "c-port")
    like = ("--image", "c-image", "--flavor", "m1.tiny", "--network", "c-net")
    shell.run("server", "create", *like, WAIT, "c-vm")
    for version in VERSIONS[1:]:
        shell.version = version
        change_cards(shell, port["id"])
    shell.run("server", "delete", WAIT, "c-vm")


def change_cards(shell: Shell, port: str) -> None:
    """Give three in three ways, and take them again."""
    newest = shell.version != "2.1"
    tag = ("--tag", "late") if newest else ()
    shell.run("server", "add", "network", *tag, "c-vm", "c-back")
    shell.run("server", "add", "port", "c-vm", "c-port")
    shell.run("server", "add", "fixed", "ip", "--fixed-ip-address", "10.79.0.77", "c-vm", "c-back")
    ports = wait_for_ports(shell, 4)
    assert {one["ID"] for one in ports} > {port}
    assert "10.79.0.77" in shell.json("server", "show", "c-vm")["addresses"]["c-back"]
    remove = ("server", "remove", "fixed", "ip", "c-vm", "10.79.0.77")
    if newest:
        assert "404" in shell.run(*remove, code=1)  # the action ended with 2.43
    else:
        shell.run(*remove)
        wait_for_ports(shell, 4)
        assert "10.79.0.77" not in shell.json("server", "show", "c-vm")["addresses"]["c-back"]
    shell.run("server", "remove", "port", "c-vm", "c-port")
    wait_for_ports(shell, 3)
    assert shell.json("port", "show", "c-port")["device_id"] == ""
    shell.run("server", "remove", "network", "c-vm", "c-back")
    wait_for_ports(shell, 1)
    assert [*shell.json("server", "show", "c-vm")["addresses"]] == ["c-net"]


def wait_for_ports(shell: Shell, count: int) -> list[dict[str, Any]]:
    """Ask until the server has so many ports and all are up."""
    for _ in range(100):
        found = shell.json("port", "list", "--server", "c-vm")
        if len(found) == count and {one["Status"] for one in found} == {"ACTIVE"}:
            return list(found)
    raise AssertionError(f"it stays {found}")


def test_volumes_in_servers(shell: Shell, tmp_path: Path) -> None:
    """Given, shown, taken away; booted from a new one and from one that is there."""
    disk = tmp_path / "disk.raw"
    disk.write_bytes(RAW)
    shell.run("image", "create", "t-image", "--disk-format", "raw", "--file", str(disk))
    shell.run("network", "create", "t-net")
    shell.run("subnet", "create", "t-sub", "--network", "t-net", "--subnet-range", "10.77.0.0/24")
    shell.run("volume", "create", "--size", "1", "t-data")
    shell.run("volume", "create", "--size", "1", "--image", "t-image", "t-boot")
    for name in ("t-data", "t-boot"):
        wait_for_volume(shell, name, "available")
    like = ("--flavor", "m1.tiny", "--network", "t-net", WAIT)
    shell.run("server", "create", "--image", "t-image", *like, "t-vm")
    for version in ("2.1", None):
        shell.version = version
        give_and_take_a_volume(shell)
    newest = ("--os-volume-api-version", "3.70", "volume", "attachment")
    held = shell.json(*newest, "create", "--server", "t-vm", "t-data")
    assert held["Status"] == "reserved"
    shell.run(*newest, "delete", held["ID"])
    wait_for_volume(shell, "t-data", "available")
    blank = "source_type=blank,destination_type=volume,volume_size=1,delete_on_termination=true"
    new = ("--image", "t-image", "--boot-from-volume", "1", "--block-device", blank)
    booted = {
        "t-new-root": new,
        "t-old-root": ("--volume", "t-boot"),
    }
    for name, root in booted.items():
        made = shell.json("server", "create", *root, *like, name)
        assert made["status"] == "ACTIVE"
        assert "booted from volume" in str(made["image"])
    assert len(shell.json("server", "volume", "list", "t-new-root")) == 2
    for name in ("t-vm", *booted):
        shell.run("server", "delete", WAIT, name)
    left = shell.json("volume", "list")
    assert {one["Status"] for one in left} == {"available"}
    assert len(left) == 3  # a root that was made stays where nothing else was said
    shell.run("volume", "delete", *(one["ID"] for one in left))


def give_and_take_a_volume(shell: Shell) -> None:
    """At 2.1 nothing is said of tags, nor of what is deleted with the server."""
    newest = shell.version is None
    tag = ("--tag", "data") if newest else ()
    added = shell.json("server", "add", "volume", *tag, "t-vm", "t-data")
    assert (added["Device"], added.get("Tag")) == ("/dev/vdb", "data" if newest else None)
    asked = "2.89" if newest else "2.1"
    assert [one for one in shell.requests if one.endswith(f"os-volume_attachments {asked}")] or [
        one for one in shell.requests if f"os-volume_attachments compute {asked}" in one
    ], shell.requests
    wait_for_volume(shell, "t-data", "in-use")
    (listed,) = shell.json("server", "volume", "list", "t-vm")
    assert listed["Device"] == "/dev/vdb"
    if newest:
        assert listed["Delete On Termination?"] is False
        shell.run("server", "volume", "update", "--preserve-on-termination", "t-vm", "t-data")
        shell.run("server", "volume", "set", "--delete-on-termination", "t-vm", "t-data")
        shown = shell.json("server", "show", "t-vm")
        assert shown["volumes_attached"] == [
            {"id": listed["Volume ID"], "delete_on_termination": True}
        ]
    shell.run("server", "remove", "volume", "t-vm", "t-data")
    wait_for_volume(shell, "t-data", "available")


def wait_for_volume(shell: Shell, name: str, status: str) -> None:
    """Ask until a volume shows the status."""
    for _ in range(200):
        shown = shell.json("volume", "show", name)
        if shown["status"] == status:
            return
    raise AssertionError(f"it stays {shown['status']}")


def rests(shell: Shell, server: str) -> None:
    """Wait until nothing is done to a server."""
    state = "OS-EXT-STS:task_state"
    wait_until(lambda: not shell.json("server", "show", server)[state], what="it rests")


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_what_operators_do_with_servers(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """Each command that no other journey has, at the oldest and the newest version."""
    for name, value in shell.cloud.environment("cloudweb-admin").items():
        monkeypatch.setenv(name, value)
    shell.version, newest = version, version != "2.1"
    arrange(shell, newest=newest)
    shell.run("server", "group", "create", "--policy", "affinity", "t-group")
    assert "t-group" in [one["Name"] for one in shell.json("server", "group", "list")]
    (group, vm) = (shell.json("server", "group", "show", "t-group")["id"], "t-new")
    shell.run(
        "server", "create", "--image", "demo", "--flavor", "m1.nano", "--network", "demo",
        "--hint", f"group={group}", WAIT, vm,
    )  # fmt: skip
    led = shell.json("console", "url", "show", "--serial", vm)
    if newest:
        token = parse_qs(urlsplit(led["url"]).query)["token"][0]
        shown = shell.json("console", "connection", "show", token)
        assert shown["instance_uuid"] == shell.json("server", "show", vm)["id"]
    shell.run("security", "group", "create", "t-sg")
    for verb in ("add", "remove"):
        shell.run("server", verb, "security", "group", vm, "t-sg")
    shell.run("server", "set", "--property", "k=v", "--state", "active", "--auto-approve", vm)
    shell.run("server", "unset", "--property", "k", vm)
    assert shell.json("server", "show", vm)["properties"] == {}
    shell.run("server", "image", "create", "--name", "t-copy", WAIT, vm)
    rests(shell, vm)  # the command waits for the image alone
    shell.run(
        "server", "backup", "create", "--name", "t-back", "--type", "d", "--rotate", "1", WAIT, vm
    )
    rests(shell, vm)
    shell.run("server", "shelve", vm)
    wait_for(shell, "SHELVED_OFFLOADED")
    shell.run("server", "unshelve", WAIT, vm)
    end = ("resize", "confirm") if newest else ("migrate", "revert")
    shell.run("server", "resize", "--flavor", "m1.micro", WAIT, vm)
    shell.run("server", *end, vm)
    wait_for(shell, "ACTIVE")
    (moved,) = shell.json("server", "migration", "list", "--server", vm)
    assert moved["Status"] == ("confirmed" if newest else "reverted")
    for words in (
        *(("migration", "confirm"), ("migration", "revert")),
        *(("migrate", "confirm"), ("resize", "revert")),
    ):
        assert "409" in shell.run("server", *words, vm, code=1)
    if newest:
        for words in (("show",), ("abort",), ("force", "complete")):
            assert "could not be found" in shell.run("server", "migration", *words, vm, "1", code=1)
    assert "409" in shell.run("server", "restore", vm, code=1)
    assert vm in [one["Name"] for one in shell.json("server", "list", "--all-projects")]
    assert shell.json("usage", "list")
    shell.run("server", "delete", "--force", WAIT, vm)
    shell.run("server", "group", "delete", "t-group")


def arrange(shell: Shell, *, newest: bool) -> None:
    """Make an aggregate of the host, change it, and take it apart."""
    (host, *_) = (one["Hypervisor Hostname"] for one in shell.json("hypervisor", "list"))
    shell.run("aggregate", "create", "t-first")
    shell.run("aggregate", "add", "host", "t-first", host)
    shell.run("aggregate", "set", "--name", "t-host", "--property", "a=b", "t-first")
    assert shell.json("aggregate", "show", "t-host")["properties"] == {"a": "b"}
    shell.run("aggregate", "unset", "--property", "a", "t-host")
    if newest:
        shell.run("aggregate", "cache", "image", "t-host", "demo")
    shell.run("aggregate", "remove", "host", "t-host", host)
    shell.run("aggregate", "delete", "t-host")
    assert "t-host" not in [one["Name"] for one in shell.json("aggregate", "list")]


def test_keys_quotas_and_limits(shell: Shell, tmp_path: Path) -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJf3vjeAlfyPRUzIGbQ5pQPzvQy2XLaXBFCU0ggMfLrR me"
    public = tmp_path / "key.pub"
    public.write_text(line)
    for version in VERSIONS:
        shell.version = version
        shell.run("keypair", "create", "t-imported", "--public-key", str(public))
        (listed,) = [one for one in shell.json("keypair", "list") if one["Name"] == "t-imported"]
        assert (listed["Name"], len(listed["Fingerprint"])) == ("t-imported", 47)
        shown = shell.run("keypair", "show", "--public-key", "t-imported")
        assert shown.strip() == line
        shell.run("keypair", "delete", "t-imported")
        quotas = {one["Resource"]: one["Limit"] for one in shell.json("quota", "show")}
        assert (quotas["instances"], quotas["cores"], quotas["key-pairs"]) == (10, 20, 100)
        limits = {one["Name"]: one["Value"] for one in shell.json("limits", "show", "--absolute")}
        assert (
            limits["max_total_instances" if "max_total_instances" in limits else "instances"] == 10
        )


def test_the_recorded_requests_of_a_create_and_a_list(shell: Shell, tmp_path: Path) -> None:
    """Contract 12.8, request by request with its microversion."""
    make_parts(shell, tmp_path)
    shell.run(
        "server", "create", "--image", "t-image", "--flavor", "m1.tiny", "--network", "t-net",
        "--key-name", "t-key", "--security-group", "default", "t-vm",
    )  # fmt: skip
    ids = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    assert [ids.sub("{id}", one) for one in shell.requests if one not in DISCOVERY] == [
        "GET /identity",
        "POST /identity/v3/auth/tokens",
        "GET /image/v2/images/t-image",
        "GET /image/v2/images?name=t-image",
        "GET /compute/v2.1/flavors/m1.tiny compute 2.61",
        "GET /compute/v2.1/flavors/detail?is_public=None compute 2.61",
        "GET /network/v2.0/networks/t-net",
        "GET /network/v2.0/networks?name=t-net",
        "GET /network/v2.0/security-groups/default",
        "GET /network/v2.0/security-groups?name=default",
        "POST /compute/v2.1/servers compute 2.96",
        "GET /compute/v2.1/servers/{id} compute 2.96",
        "GET /image/v2/images/{id}",
    ]
    shell.run("server", "list")
    listed = [re.sub(r"in%3A.*", "in:…", ids.sub("{id}", one)) for one in shell.requests]
    assert {*listed} - DISCOVERY == {
        "GET /identity",
        "POST /identity/v3/auth/tokens",
        "GET /compute/v2.1/servers/detail?deleted=False compute 2.96",
        "GET /image/v2/images?id=in:…",
        "GET /compute/v2.1/flavors/detail?is_public=None compute 2.61",
    }
