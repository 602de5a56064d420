"""Exactly the keys that clients of each microversion accept (contract 3.8, 8.1): none more, none less."""

from __future__ import annotations

from typing import Any

import pytest

from identity.models import Project, User
from instances.models import Instance, InstancePort, KeyPair
from tests.builders.identity import ApiClient, client_of, make_member, make_project
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.servers import give_port, make_server

pytestmark = pytest.mark.django_db
VERSIONS = ("2.1", "2.3", "2.9", "2.16", "2.19", "2.26", "2.47", "2.63", "2.71", "2.73", "2.75",
            "2.90", "2.96")  # fmt: skip
NOVA = "/compute/v2.1"
BASE = {
    "id", "name", "status", "tenant_id", "user_id", "metadata", "hostId", "image", "flavor",
    "created", "updated", "addresses", "accessIPv4", "accessIPv6", "links", "OS-DCF:diskConfig",
    "progress", "OS-EXT-AZ:availability_zone", "config_drive", "key_name",
    "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at", "security_groups",
    "OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-EXT-STS:power_state",
    "os-extended-volumes:volumes_attached",
}  # fmt: skip
UPDATED_UNTIL_2_74 = {
    "id", "name", "status", "tenant_id", "user_id", "metadata", "hostId", "image", "flavor",
    "created", "updated", "addresses", "accessIPv4", "accessIPv6", "links", "OS-DCF:diskConfig",
    "progress",
}  # fmt: skip
ATTR = "OS-EXT-SRV-ATTR:"
FOR_ADMINS = {f"{ATTR}host", f"{ATTR}instance_name", f"{ATTR}hypervisor_hostname"}
FOR_ADMINS_2_3 = {
    f"{ATTR}{name}"
    for name in ("hostname", "kernel_id", "ramdisk_id", "launch_index", "reservation_id",
                 "root_device_name", "user_data")
}  # fmt: skip
#: version -> the key that it brought to everybody
LATER = {
    9: "locked",
    19: "description",
    26: "tags",
    63: "trusted_image_certificates",
    71: "server_groups",
    73: "locked_reason",
    90: f"{ATTR}hostname",
    96: "pinned_availability_zone",
}


def minor(version: str) -> int:
    return int(version.partition(".")[2])


def later(version: str) -> set[str]:
    return {key for since, key in LATER.items() if minor(version) >= since}


def for_admins(version: str) -> set[str]:
    keys = set(FOR_ADMINS)
    if minor(version) >= 3:
        keys |= FOR_ADMINS_2_3
    if minor(version) >= 16:
        keys.add("host_status")
    return keys


class World:
    """A server with a port, its owner, and the reader's client."""

    def __init__(self, role: str) -> None:
        self.project: Project = make_project()
        self.user: User = make_member("member", project=self.project)
        self.server: Instance = make_server(self.user, host="h1", zone="nova", image_id="i")
        network = make_network(name="net1")
        make_subnet(network)
        port = make_port(
            network,
            project_id=self.project.pk,
            device_id=str(self.server.id),
            device_owner="compute:nova",
        )
        give_port(self.server, port)
        self.client: ApiClient = client_of(make_member(role, project=self.project))

    def ask(self, version: str, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.send(
            method, f"{NOVA}{path}", body, OpenStack_API_Version=f"compute {version}"
        )
        assert answer.status_code in (200, 201, 202), answer.content
        assert answer.headers["OpenStack-API-Version"] == f"compute {version}"
        return answer.json()


@pytest.fixture(params=["member", "admin"])
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(role: str) -> World:
    return World(role)


@pytest.mark.parametrize("version", VERSIONS)
def test_server(world: World, role: str, version: str) -> None:
    path = f"/servers/{world.server.id}"
    expected = BASE | later(version) | (for_admins(version) if role == "admin" else set())
    shown = world.ask(version, "GET", path)["server"]
    assert set(shown) == expected
    (listed,) = world.ask(version, "GET", "/servers/detail")["servers"]
    assert set(listed) == expected - {"server_groups"}
    (brief,) = world.ask(version, "GET", "/servers")["servers"]
    assert set(brief) == {"id", "name", "links"}
    updated = world.ask(version, "PUT", path, {"server": {"name": "new"}})["server"]
    if minor(version) < 75:
        expected = UPDATED_UNTIL_2_74 | later(version)
    assert set(updated) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_flavor_inside_a_server(world: World, role: str, version: str) -> None:
    flavor = world.ask(version, "GET", f"/servers/{world.server.id}")["server"]["flavor"]
    if minor(version) < 47:
        assert flavor == {
            "id": "1",
            "links": [{"rel": "bookmark", "href": "http://testserver/compute/flavors/1"}],
        }
    else:
        assert flavor == {
            "vcpus": 1,
            "ram": 512,
            "disk": 1,
            "ephemeral": 0,
            "swap": 0,
            "original_name": "m1.tiny",
            "extra_specs": {},
        }


def test_values(world: World, role: str) -> None:
    """Types and formats that clients decode strictly."""
    server = world.ask("2.96", "GET", f"/servers/{world.server.id}")["server"]
    assert server["image"]["id"] == "i"
    assert len(server["hostId"]) == 56
    assert (server["accessIPv4"], server["config_drive"], server["progress"]) == ("", "", 100)
    assert server["OS-EXT-STS:power_state"] == 1
    assert server["created"].endswith("Z")
    assert len(server["created"]) == 20
    assert not server["OS-SRV-USG:launched_at"].endswith("Z")
    assert "." in server["OS-SRV-USG:launched_at"]
    (address,) = server["addresses"]["net1"]
    assert set(address) == {"version", "addr", "OS-EXT-IPS:type", "OS-EXT-IPS-MAC:mac_addr"}
    assert [link["rel"] for link in server["links"]] == ["self", "bookmark"]


def test_fault_and_progress_only_where_they_belong(world: World, role: str) -> None:
    from cloudweb.database.clock import now

    Instance.objects.update(
        vm_state="error", fault_code=500, fault_message="Sorry.", fault_detail="x", fault_at=now()
    )
    server = world.ask("2.1", "GET", f"/servers/{world.server.id}")["server"]
    keys = {"code", "created", "message"} | ({"details"} if role == "admin" else set())
    assert set(server["fault"]) == keys
    assert "progress" not in server
    Instance.objects.update(vm_state="active")
    assert "fault" not in world.ask("2.1", "GET", f"/servers/{world.server.id}")["server"]


def test_server_that_has_no_host_yet(world: World, role: str) -> None:
    Instance.objects.update(host="", zone="", vm_state="building", task_state="scheduling")
    InstancePort.objects.update(port_id=None)
    server = world.ask("2.1", "GET", f"/servers/{world.server.id}")["server"]
    assert (server["hostId"], server["OS-EXT-AZ:availability_zone"]) == ("", "")
    assert "security_groups" not in server


@pytest.mark.parametrize("version", ["2.1", "2.2", "2.10", "2.35", "2.92", "2.96"])
def test_key_pairs(world: World, role: str, version: str) -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJf3vjeAlfyPRUzIGbQ5pQPzvQy2XLaXBFCU0ggMfLrR me"
    typed = {"type"} if minor(version) >= 2 else set()
    made = world.ask(
        version, "POST", "/os-keypairs", {"keypair": {"name": "k", "public_key": line}}
    )
    assert set(made["keypair"]) == {"name", "public_key", "fingerprint", "user_id"} | typed
    (listed,) = world.ask(version, "GET", "/os-keypairs")["keypairs"]
    assert set(listed) == {"keypair"}
    assert set(listed["keypair"]) == {"name", "public_key", "fingerprint"} | typed
    shown = world.ask(version, "GET", "/os-keypairs/k")["keypair"]
    more = {"id", "user_id", "created_at", "updated_at", "deleted", "deleted_at"}
    assert set(shown) == {"name", "public_key", "fingerprint"} | typed | more
    at = {"OpenStack_API_Version": f"compute {version}"}
    drawn = world.client.send("POST", f"{NOVA}/os-keypairs", {"keypair": {"name": "d"}}, **at)
    if minor(version) >= 92:
        assert drawn.status_code == 400
    else:
        assert drawn.status_code == (201 if typed else 200)
        assert drawn.json()["keypair"]["private_key"].startswith("-----BEGIN OPENSSH PRIVATE KEY")
    gone = world.client.send("DELETE", f"{NOVA}/os-keypairs/k", **at)
    assert (gone.status_code, gone.content) == (204 if typed else 202, b"")


@pytest.mark.parametrize(("version", "links"), [("2.34", False), ("2.35", True)])
def test_key_pairs_have_pages_from_2_35(world: World, role: str, version: str, links: bool) -> None:
    user = User.objects.exclude(pk=world.user.pk).get()
    for name in ("a", "b", "c"):
        KeyPair.objects.create(user_id=user.pk, name=name, public_key="x", fingerprint="y")
    body = world.ask(version, "GET", "/os-keypairs?limit=2")
    assert ("keypairs_links" in body) is links
    assert len(body["keypairs"]) == (2 if links else 3)
    if links:
        path = body["keypairs_links"][0]["href"].removeprefix(f"http://testserver{NOVA}")
        rest = world.ask(version, "GET", path)
        assert [one["keypair"]["name"] for one in rest["keypairs"]] == ["c"]
        assert "keypairs_links" not in rest


ABSOLUTE = {
    "maxTotalInstances", "maxTotalCores", "maxTotalRAMSize", "maxTotalKeypairs", "maxServerMeta",
    "maxServerGroups", "maxServerGroupMembers", "totalInstancesUsed", "totalCoresUsed",
    "totalRAMUsed", "totalServerGroupsUsed",
}  # fmt: skip
NETWORKS = {"maxTotalFloatingIps", "maxSecurityGroups", "maxSecurityGroupRules",
            "totalFloatingIpsUsed", "totalSecurityGroupsUsed"}  # fmt: skip


@pytest.mark.parametrize("version", ["2.1", "2.35", "2.36", "2.38", "2.39", "2.56", "2.57", "2.96"])
def test_limits(world: World, role: str, version: str) -> None:
    limits = world.ask(version, "GET", "/limits?reserved=1")["limits"]
    expected = set(ABSOLUTE)
    expected |= NETWORKS if minor(version) < 36 else set()
    expected |= {"maxImageMeta"} if minor(version) < 39 else set()
    expected |= {"maxPersonality", "maxPersonalitySize"} if minor(version) < 57 else set()
    assert limits["rate"] == []
    assert set(limits["absolute"]) == expected
    used = {
        name: limits["absolute"][name] for name in limits["absolute"] if name.startswith("total")
    }
    assert (used["totalInstancesUsed"], used["totalCoresUsed"], used["totalRAMUsed"]) == (1, 1, 512)


QUOTAS = {"instances", "cores", "ram", "metadata_items", "key_pairs", "server_groups",
          "server_group_members"}  # fmt: skip
FILES = {"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"}
OLD = {"fixed_ips", "floating_ips", "security_groups", "security_group_rules"}


@pytest.mark.parametrize("version", ["2.1", "2.35", "2.36", "2.56", "2.57", "2.96"])
def test_quota_sets(world: World, role: str, version: str) -> None:
    path = f"/os-quota-sets/{world.project.pk}"
    expected = (
        QUOTAS | (OLD if minor(version) < 36 else set()) | (FILES if minor(version) < 57 else set())
    )
    for suffix in ("", "/defaults", "/detail"):
        found = world.ask(version, "GET", path + suffix)["quota_set"]
        assert set(found) == expected | {"id"}
        assert found.pop("id") == world.project.pk
        if suffix == "/detail":
            assert {frozenset(one) for one in found.values()} == {
                frozenset({"limit", "in_use", "reserved"})
            }
            assert found["instances"] == {"limit": 10, "in_use": 1, "reserved": 0}
    if role == "admin":
        changed = world.ask(version, "PUT", path, {"quota_set": {"cores": "7", "force": True}})
        assert set(changed["quota_set"]) == expected
        assert changed["quota_set"]["cores"] == 7
