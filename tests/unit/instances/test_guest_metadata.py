"""What a guest learns about itself: OpenStack's tree, EC2's, the config drive."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cloudweb.encryption import encrypt
from instances.guest_metadata import EC2_VERSIONS, OPENSTACK_VERSIONS, GuestMetadata
from instances.manager.building import hostname_of
from instances.models import Instance
from tests.builders.ports import make_network, make_port, make_subnet, make_subnet6

KEY = "ssh-ed25519 AAAA me\n"
SCRIPT = b"#!/bin/sh\necho \xff\n"


def guest(**overrides: Any) -> GuestMetadata:
    """The documents of a server with a key, a script and one port."""
    network = make_network(dns_domain="cloud.internal")
    facts: dict[str, Any] = {
        "name": "My server",
        "hostname": "my-server",
        "project_id": "p1",
        "zone": "nova",
        "flavor_name": "m1.tiny",
        "image_id": "12345678-0000-4000-8000-000000000000",
        "key_name": "k",
        "public_key": KEY,
        "user_data": encrypt(base64.b64encode(SCRIPT).decode()),
        "admin_password": encrypt("secret"),
        "metadata": {"role": "web"},
        "security_groups": ["default", "web"],
        "reservation_id": "r-1",
        "launch_index": 2,
    }
    ports = overrides.pop("ports", [make_port(network, "10.5.0.11")])
    return GuestMetadata(Instance(**facts | overrides), ports)


def read(made: GuestMetadata, path: str) -> str:
    found = made.document(path)
    assert found is not None, path
    return found.decode()


def test_files_come_on_the_config_drive_and_nowhere_else() -> None:
    files = [("/etc/banner", SCRIPT), ("/root/a b", b"")]
    text = json.dumps([(path, base64.b64encode(content).decode()) for path, content in files])
    made = guest(injected_files=encrypt(text))
    drive = {path: base64.b64decode(text) for path, text in made.config_drive().items()}
    for version in ("latest", "2018-08-27"):
        listed = json.loads(drive[f"openstack/{version}/meta_data.json"])["files"]
        found = [(one["path"], drive[f"openstack{one['content_path']}"]) for one in listed]
        assert found == files
    assert "files" not in json.loads(read(made, "openstack/latest/meta_data.json"))
    assert "files" not in guest().config_drive()


def test_meta_data() -> None:
    made = guest()
    data = json.loads(read(made, "openstack/latest/meta_data.json"))
    assert data == {
        "uuid": str(made.instance.id),
        "name": "My server",
        "hostname": "my-server.cloud.internal",
        "project_id": "p1",
        "availability_zone": "nova",
        "launch_index": 2,
        "meta": {"role": "web"},
        "devices": [],
        "admin_pass": "secret",
        "public_keys": {"k": KEY},
        "keys": [{"name": "k", "type": "ssh", "data": KEY}],
    }


def test_a_host_name_with_dots_has_its_domain() -> None:
    made = guest(hostname="web.example.org")
    assert made.meta_data()["hostname"] == "web.example.org"
    assert read(made, "latest/meta-data/local-hostname") == "web.example.org"


def test_network_data() -> None:
    network = make_network(subnets=(make_subnet(dns_nameservers=("10.5.0.2",)), make_subnet6()))
    ports = [make_port(network, "10.5.0.11"), make_port(network, "fd05::11")]
    data = json.loads(read(guest(ports=ports), "openstack/latest/network_data.json"))
    assert [link["ethernet_mac_address"] for link in data["links"]] == [p.mac for p in ports]
    four, six = data["networks"]
    assert (four["type"], four["link"]) == ("ipv4_dhcp", "tap0")
    assert (six["type"], six["ip_address"], six["link"]) == ("ipv6", "fd05::11", "tap1")
    assert six["routes"][0]["gateway"] == "fd05::1"
    assert data["services"] == [{"type": "dns", "address": "10.5.0.2"}]


def test_user_data_is_what_was_given() -> None:
    for path in ("openstack/latest/user_data", "latest/user-data", "2009-04-04/user-data"):
        assert guest().document(path) == SCRIPT
        assert guest(user_data="").document(path) is None


def test_folders() -> None:
    made = guest()
    assert read(made, "").split("\n") == [*EC2_VERSIONS, "openstack"]
    assert read(made, "openstack/").split("\n") == list(OPENSTACK_VERSIONS)
    documents = [
        *("meta_data.json", "network_data.json", "vendor_data.json"),
        *("password", "user_data"),
    ]
    for version in OPENSTACK_VERSIONS:
        assert read(made, f"openstack/{version}").split("\n") == documents
    assert read(guest(user_data=""), "latest") == "meta-data/"
    assert read(made, "latest/") == "meta-data/\nuser-data"
    assert "placement/" in read(made, "latest/meta-data").split("\n")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("local-ipv4", "10.5.0.11"),
        ("hostname", "my-server.cloud.internal"),
        ("instance-type", "m1.tiny"),
        ("ami-launch-index", "2"),
        ("placement/availability-zone", "nova"),
        ("public-keys/", "0=k"),
        ("public-keys/0", "openssh-key"),
        ("public-keys/0/openssh-key", KEY.strip()),
        ("security-groups", "default\nweb"),
        ("ami-id", "ami-12345678"),
    ],
)
def test_ec2(path: str, value: str) -> None:
    assert read(guest(), f"latest/meta-data/{path}") == value


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "../etc/passwd",
        "openstack/1999-01-01",
        "openstack/latest/nothing",
        "openstack/latest/meta_data.json/more",
        "1999-01-01/meta-data",
        "latest/nothing",
        "latest/user-data/more",
        "latest/meta-data/hostname/more",
        "latest/meta-data/public-keys/1",
        "latest/meta-data/public-keys/0/private-key",
    ],
)
def test_where_nothing_is(path: str) -> None:
    assert guest().document(path) is None


def test_without_a_key_or_a_port() -> None:
    made = guest(public_key="", key_name=None, admin_password="", ports=[])
    data = json.loads(read(made, "openstack/latest/meta_data.json"))
    assert not {"public_keys", "keys", "admin_pass"} & data.keys()
    assert data["hostname"] == "my-server"
    assert read(made, "latest/meta-data/local-ipv4") == ""
    assert made.document("latest/meta-data/public-keys") is None
    assert json.loads(read(made, "openstack/latest/network_data.json")) == {
        "links": [],
        "networks": [],
        "services": [],
    }


def test_the_drive_holds_what_the_service_says() -> None:
    made = guest()
    files = {path: base64.b64decode(text) for path, text in made.config_drive().items()}
    for version in ("latest", "2018-08-27"):
        for name in ("meta_data.json", "network_data.json", "vendor_data.json", "user_data"):
            path = f"openstack/{version}/{name}"
            assert files[path] == made.document(path)
    assert json.loads(files["ec2/latest/meta-data.json"])["local-ipv4"] == "10.5.0.11"
    assert not any(path.endswith("user_data") for path in guest(user_data="").config_drive())


@pytest.mark.parametrize(
    ("name", "hostname"),
    [
        ("My Server", "my-server"),
        ("web_1.example.com", "web-1-example-com"),
        ("--x--", "x"),
        ("Größe", "gr-e"),
        ("東京", "server"),
        ("a" * 62 + "-b", "a" * 62),
        ("x" * 255, "x" * 63),
    ],
)
def test_host_names(name: str, hostname: str) -> None:
    assert hostname_of(name) == hostname
