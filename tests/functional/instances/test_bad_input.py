"""Bad input about servers: the right 4xx in compute's envelope, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compute.bootstrap import ensure_default_flavors
from instances.models import Instance, KeyPair
from network.models import Port
from operations.models import Hold, Operation
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.images import RAW, make_image
from tests.builders.networks import make_group, make_network, make_port, make_subnet
from tests.builders.servers import make_server
from tests.builders.sound_images import SOUND

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
NOVA = "/compute/v2.1"
SOME_ID = "11111111-2222-4333-8444-555555555555"


class World:
    """A project that could create a server, and another one with things of its own."""

    def __init__(self) -> None:
        ensure_default_flavors()
        self.user = make_member("member")
        context = make_context(self.user)
        self.network = make_network(context)
        make_subnet(self.network, context)
        self.image = make_image(context=context, data=RAW)
        self.port = make_port(self.network, context)
        self.client = client_of(self.user)
        stranger = make_member("member")
        self.alien = make_context(stranger)
        self.alien_user = stranger

    def body(self, **changes: Any) -> dict[str, Any]:
        server = {
            "name": "vm1",
            "imageRef": str(self.image.id),
            "flavorRef": "1",
            "networks": [{"uuid": str(self.network.id)}],
            **changes,
        }
        return {"server": {key: value for key, value in server.items() if value is not ...}}

    def create(self, body: Any, version: str = "2.96") -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.send(
            "POST", f"{NOVA}/servers", raw, OpenStack_API_Version=f"compute {version}"
        )


@pytest.fixture
def world(settings: Any, tmp_path: Any) -> World:
    settings.IMAGE_STORE = tmp_path / "images"
    return World()


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail when the block adds a row of any kind that a server needs."""

    def count() -> list[int]:
        return [model.objects.count() for model in (Instance, Operation, Hold, Port, KeyPair)]

    before = count()
    yield
    assert count() == before


def refused(answer: Any, status: int = 400, name: str = "badRequest") -> str:
    assert answer.status_code == status, answer.content
    fault = answer.json()[name]
    assert fault["code"] == status
    return str(fault["message"])


def outcome(answer: Any) -> tuple[int, str, int]:
    """Return what a refusal says: its status, its kind, and the code inside."""
    ((kind, fault),) = answer.json().items()
    return answer.status_code, kind, fault.get("code")


BAD_REQUEST = (400, "badRequest", 400)
MALFORMED = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"server"',
    b'{"server": []}',
    b'{"server": null}',
    b'{"other": {}}',
    b"\xff\xfe\x00",
    b'{"server": {"name": "\\ud800"}}',
    b'{"server": {"name": "a\\u0000b"}}',
    b"[" * 2000 + b"]" * 2000,
]


def test_malformed_bodies(world: World) -> None:
    with nothing_left():
        answers = {raw[:60]: outcome(world.create(raw)) for raw in MALFORMED}
    assert answers == {raw[:60]: BAD_REQUEST for raw in MALFORMED}


BODIES: list[tuple[dict[str, Any], str]] = [
    ({"name": ...}, "2.1"),
    ({"name": ""}, "2.1"),
    ({"name": "  "}, "2.1"),
    ({"name": "x" * 256}, "2.1"),
    ({"name": "a\nb"}, "2.1"),
    ({"name": "a\x1b[31m"}, "2.1"),
    ({"name": 7}, "2.1"),
    ({"name": None}, "2.1"),
    ({"name": ["x"]}, "2.1"),
    ({"flavorRef": ...}, "2.1"),
    ({"flavorRef": "no-such"}, "2.1"),
    ({"flavorRef": ""}, "2.1"),
    ({"flavorRef": {}}, "2.1"),
    ({"imageRef": ...}, "2.1"),
    ({"imageRef": ""}, "2.1"),
    ({"imageRef": "cirros"}, "2.1"),
    ({"imageRef": SOME_ID}, "2.1"),
    ({"networks": [{}]}, "2.1"),
    ({"networks": [{"uuid": "net1"}]}, "2.1"),
    ({"networks": [{"uuid": SOME_ID}]}, "2.1"),
    ({"networks": [{"port": SOME_ID}]}, "2.1"),
    ({"networks": "auto"}, "2.36"),
    ({"networks": "some"}, "2.96"),
    ({"networks": ...}, "2.37"),
    ({"networks": {"uuid": SOME_ID}}, "2.1"),
    ({"key_name": "no-such"}, "2.1"),
    ({"security_groups": [{"name": "no-such"}]}, "2.1"),
    ({"security_groups": ["default"]}, "2.1"),
    ({"metadata": {"k": 1}}, "2.1"),
    ({"metadata": {"": "v"}}, "2.1"),
    ({"metadata": {"k" * 256: "v"}}, "2.1"),
    ({"metadata": {"k": "v" * 256}}, "2.1"),
    ({"metadata": []}, "2.1"),
    ({"user_data": "no base64!"}, "2.1"),
    ({"user_data": "A" * 65536}, "2.1"),
    ({"min_count": 0}, "2.1"),
    ({"min_count": 2, "max_count": 1}, "2.1"),
    ({"min_count": 10**30, "max_count": 10**30}, "2.1"),
    ({"min_count": "-1"}, "2.1"),
    ({"max_count": 1.5}, "2.1"),
    ({"max_count": "9" * 5000}, "2.1"),
    ({"accessIPv4": "1.2.3"}, "2.1"),
    ({"accessIPv4": "fe80::1"}, "2.1"),
    ({"accessIPv6": "10.0.0.1"}, "2.1"),
    ({"accessIPv6": "fe80::1%eth0"}, "2.1"),
    ({"networks": [{"uuid": SOME_ID, "fixed_ip": "fd00::5%\n192.0.2.66 a"}]}, "2.1"),
    ({"OS-DCF:diskConfig": "auto"}, "2.1"),
    ({"config_drive": "maybe"}, "2.1"),
    ({"adminPass": ""}, "2.1"),
    ({"unknown": 1}, "2.1"),
    ({"description": "x"}, "2.18"),
    ({"description": "x" * 256}, "2.19"),
    ({"tags": ["x"]}, "2.51"),
    ({"tags": ["a,b"]}, "2.52"),
    ({"tags": ["x"] * 51}, "2.52"),
    ({"hostname": "vm"}, "2.89"),
    ({"hostname": "-vm"}, "2.90"),
    ({"hostname": "vm.example"}, "2.93"),
    ({"hostname": "vm..example"}, "2.94"),
    ({"hostname": "vm."}, "2.94"),
    ({"hostname": "a" * 64 + ".b"}, "2.94"),
    ({"hostname": ".".join(["a" * 60] * 5)}, "2.94"),
    ({"hostname": "vm\n"}, "2.90"),
    ({"personality": []}, "2.57"),
    ({"personality": [{"path": "/etc/x"}]}, "2.1"),
    ({"personality": [{"contents": ""}]}, "2.1"),
    ({"personality": [{"path": "", "contents": ""}]}, "2.1"),
    ({"personality": [{"path": "/x\n", "contents": ""}]}, "2.1"),
    ({"personality": [{"path": "/x", "contents": "no base64!"}]}, "2.1"),
    ({"personality": [{"path": "/x", "contents": "", "mode": "0600"}]}, "2.1"),
    ({"personality": {"/x": ""}}, "2.1"),
    ({"block_device_mapping": [{"volume_id": SOME_ID}]}, "2.1"),
    ({"block_device_mapping_v2": [{"boot_index": 0, "source_type": "volume", "uuid": SOME_ID}]}, "2.1"),
    ({"availability_zone": "z" * 300}, "2.1"),
]  # fmt: skip


def test_bodies(world: World) -> None:
    cases = {f"{changes} at {version}": (changes, version) for changes, version in BODIES}
    with nothing_left():
        answers = {
            case: outcome(world.create(world.body(**changes), version))
            for case, (changes, version) in cases.items()
        }
    assert len(cases) == len(BODIES)
    assert answers == dict.fromkeys(cases, BAD_REQUEST)


def test_a_fixed_address_must_be_one(world: World) -> None:
    network = str(world.network.id)
    for address in ("", "10.0.0", "10.0.0.5/24", "x" * 400, 7):
        with nothing_left():
            refused(world.create(world.body(networks=[{"uuid": network, "fixed_ip": address}])))


def test_what_belongs_to_others_does_not_exist(world: World) -> None:
    network = make_network(world.alien)
    make_subnet(network, world.alien)
    port = make_port(network, world.alien)
    group = make_group(world.alien, name="theirs")
    image = make_image(context=world.alien, data=RAW)
    KeyPair.objects.create(
        user_id=world.alien_user.pk, name="theirs", public_key="x", fingerprint="y"
    )
    for changes in (
        {"imageRef": str(image.id)},
        {"networks": [{"uuid": str(network.id)}]},
        {"networks": [{"port": str(port.id)}]},
        {"security_groups": [{"name": "theirs"}]},
        {"security_groups": [{"name": str(group.id)}]},
        {"key_name": "theirs"},
    ):
        with nothing_left():
            refused(world.create(world.body(**changes)))


def test_a_port_is_for_one_server(world: World) -> None:
    port = {"port": str(world.port.id)}
    with nothing_left():
        refused(world.create(world.body(networks=[port, port])))
        refused(world.create(world.body(networks=[port], min_count=2, max_count=2)))
    Port.objects.filter(id=world.port.id).update(device_id=SOME_ID)
    with nothing_left():
        refused(world.create(world.body(networks=[port])), 409, "conflictingRequest")


def test_quota_counts_all_that_were_asked_for(world: World) -> None:
    with nothing_left():
        answer = world.create(world.body(min_count=11, max_count=11))
        assert "Quota exceeded for instances: Requested 11" in refused(answer, 403, "forbidden")
    assert world.create(world.body(min_count=1, max_count=20)).status_code == 202
    assert Instance.objects.count() == 10


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=x",
        "limit=1.5",
        f"marker={SOME_ID}",
        "marker=vm1",
        "sort_key=password",
        "sort_key=fault_detail",
        "sort_dir=up",
        "changes-since=yesterday",
        "changes-since=2026-13-01T00:00:00Z",
        "changes-since=0001-01-01T00:00:00%2B23:59",
        "changes-since=9999-12-31T23:59:59-23:59",
        "power_state=on",
        "power_state=1e9",
        "deleted=perhaps",
        "all_tenants=perhaps",
        "name=%00",
        "status=unheard-of",
        "unknown=1",
    ],
)
def test_queries(world: World, query: str) -> None:
    at = {"OpenStack_API_Version": "compute 2.96"}
    for path in ("servers", "servers/detail"):
        refused(world.client.send("GET", f"{NOVA}/{path}?{query}", **at))


def test_unknown_queries_are_refused_from_2_75(world: World) -> None:
    own = f"os-quota-sets/{world.user.default_project_id}"
    paths = ("servers", "os-keypairs", "limits", own, f"{own}/detail", "flavors/detail")
    answers = {
        (path, version): world.client.send(
            "GET", f"{NOVA}/{path}?unknown=1", OpenStack_API_Version=f"compute {version}"
        ).status_code
        for path in paths
        for version in ("2.74", "2.75")
    }
    assert answers == {(p, v): 200 if v == "2.74" else 400 for p in paths for v in ("2.74", "2.75")}


@pytest.mark.parametrize("query", ["unknown=1", "status=unheard-of"])
def test_what_older_versions_let_pass(world: World, query: str) -> None:
    make_server(world.user)
    found = world.client.send("GET", f"{NOVA}/servers?{query}").json()["servers"]
    assert len(found) == (0 if "status" in query else 1)


@pytest.mark.parametrize(
    "query",
    [
        "name=" + "(a*)*" * 50 + "$",
        "name=%25%27%22%5C_.*",
        "name=" + "x" * 6000,
        "limit=99999999999999999999",
        "power_state=99999999999",
        "ip=%5E10.0.0.%25",
        "uuid=x&uuid=y",
        "flavor=x&image=x&host=x&tenant_id=x&user_id=x&key_name=x&availability_zone=x",
        "sort_key=created_at&" * 300 + "sort_dir=asc",
        "changes-since=2026-01-01 00:00:00",
        "changes-since=2026-01-01T00:00:00+00:00",
    ],
)
def test_odd_but_legal_queries(world: World, query: str) -> None:
    answer = world.client.send("GET", f"{NOVA}/servers/detail?{query.replace(' ', '%20')}")
    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("path", ["vm1", "%E2%82%AC", "..%2f..", "x" * 500, "0", "%00"])
def test_ids_that_are_none(world: World, path: str) -> None:
    for method in ("GET", "DELETE"):
        refused(world.client.send(method, f"{NOVA}/servers/{path}"), 404, "itemNotFound")
    body = {"os-stop": None}
    answer = world.client.send("POST", f"{NOVA}/servers/{path}/action", body)
    refused(answer, 404, "itemNotFound")


ACTIONS: list[Any] = [
    None,
    {},
    [],
    {"os-start": None, "os-stop": None},
    {"explode": None},
    {"": None},
    {"reboot": None},
    {"reboot": {"type": "MEDIUM"}},
    {"reboot": {"type": "SOFT", "now": True}},
    {"reboot": "SOFT"},
    {"os-getConsoleOutput": {"length": "many"}},
    {"os-getConsoleOutput": {"length": 10**12}},
    {"os-getConsoleOutput": {"lines": 1}},
    {"os-getConsoleOutput": "all"},
]


def test_actions(world: World) -> None:
    path = f"{NOVA}/servers/{make_server(world.user).id}/action"
    with nothing_left():
        answers = {str(body): outcome(world.client.send("POST", path, body)) for body in ACTIONS}
    assert answers == dict.fromkeys(map(str, ACTIONS), BAD_REQUEST)


UPDATES: list[Any] = [
    {"server": {"name": None}},
    {"server": {"name": ""}},
    {"server": {"name": "a\tb"}},
    {"server": {"id": SOME_ID}},
    {"server": {"accessIPv4": "x"}},
    {"server": {"OS-DCF:diskConfig": None}},
    {"server": {"status": "ACTIVE"}},
    {"name": "x"},
]


def test_updates(world: World) -> None:
    server = make_server(world.user)
    path = f"{NOVA}/servers/{server.id}"
    answers = {str(body): outcome(world.client.send("PUT", path, body)) for body in UPDATES}
    assert answers == dict.fromkeys(map(str, UPDATES), BAD_REQUEST)
    assert Instance.objects.get(id=server.id).name == "vm1"


METADATA: list[tuple[str, str, Any]] = [
    ("PUT", "/a", {"meta": {"b": "c"}}),
    ("PUT", "/a", {"meta": {"a": "c", "b": "c"}}),
    ("PUT", "/a", {"meta": {}}),
    ("PUT", "/a", {"meta": {"a": None}}),
    ("POST", "", {"metadata": {"a": 1}}),
    ("POST", "", {"metadata": {"a\nb": "c"}}),
    ("PUT", "", {"metadata": None}),
    ("PUT", "", {}),
]


def test_metadata(world: World) -> None:
    server = make_server(world.user, metadata={"k": "v"})
    path = f"{NOVA}/servers/{server.id}/metadata"
    answers = {
        f"{method} {key} {body}": outcome(world.client.send(method, path + key, body))
        for method, key, body in METADATA
    }
    assert len(answers) == len(METADATA)
    assert {*answers.values()} == {BAD_REQUEST}, answers
    assert Instance.objects.get(id=server.id).metadata == {"k": "v"}


def test_metadata_beyond_the_quota(world: World) -> None:
    server = make_server(world.user, metadata={"k": "v"})
    path, many = f"{NOVA}/servers/{server.id}/metadata", {f"k{n}": "v" for n in range(128)}
    refused(world.client.send("POST", path, {"metadata": many}), 403, "forbidden")
    assert world.client.send("PUT", path, {"metadata": many}).status_code == 200
    with nothing_left():
        body = world.body(metadata={f"k{n}": "v" for n in range(129)})
        refused(world.create(body), 403, "forbidden")


KEY_PAIRS: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"name": "a/b"},
    {"name": "x" * 256},
    {"name": "a\nb"},
    {"name": "k", "public_key": "ssh-rsa no-base64"},
    {"name": "k", "public_key": "ssh-rsa AAAA"},
    {"name": "k", "public_key": "x" * 16385},
    {"name": "k", "public_key": "ssh-ed25519 AAAA\nssh-ed25519 AAAA"},
    {"name": "k", "public_key": 1},
    {"name": "k", "type": "dsa"},
    {"name": "k", "unknown": 1},
]


def test_key_pairs(world: World) -> None:
    at = {"OpenStack_API_Version": "compute 2.10"}
    with nothing_left():
        answers = {
            str(pair): outcome(
                world.client.send("POST", f"{NOVA}/os-keypairs", {"keypair": pair}, **at)
            )
            for pair in KEY_PAIRS
        }
    assert answers == dict.fromkeys(map(str, KEY_PAIRS), BAD_REQUEST)


def test_a_second_key_pair_of_that_name(world: World) -> None:
    body = {"keypair": {"name": "k"}}
    assert world.client.send("POST", f"{NOVA}/os-keypairs", body).status_code == 200
    with nothing_left():
        refused(world.client.send("POST", f"{NOVA}/os-keypairs", body), 409, "conflictingRequest")


@pytest.mark.parametrize(
    "values",
    [
        {"cores": "many"},
        {"cores": None},
        {"cores": True},
        {"cores": 1.5},
        {"cores": -2},
        {"cores": 2**31},
        {"cores": []},
        {"unicorns": 1},
        {"fixed_ips": 1},
        {"injected_files": 1},
    ],
    ids=str,
)
def test_quotas(world: World, values: dict[str, Any]) -> None:
    admin = client_of(make_member("admin"))
    path = f"{NOVA}/os-quota-sets/{world.user.default_project_id}"
    at = {"OpenStack_API_Version": "compute 2.96"}
    refused(admin.send("PUT", path, {"quota_set": values}, **at))
    assert admin.send("GET", path, **at).json()["quota_set"]["cores"] == 20


def test_quotas_of_no_project(world: World) -> None:
    body = {"quota_set": {"cores": 1}}
    refused(client_of(make_member("admin")).send("PUT", f"{NOVA}/os-quota-sets/{'0' * 32}", body))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from([SOME_ID, "1", "auto", "none", "10.0.0.7", "AUTO", "QUFB"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = (
    "name", "flavorRef", "imageRef", "adminPass", "metadata", "networks", "OS-DCF:diskConfig",
    "accessIPv4", "accessIPv6", "availability_zone", "block_device_mapping_v2", "config_drive",
    "key_name", "min_count", "max_count", "return_reservation_id", "security_groups", "user_data",
    "description", "tags", "trusted_image_certificates", "hostname",
)  # fmt: skip


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    changes=st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=4),
    version=st.sampled_from(["2.1", "2.37", "2.96"]),
)
def test_whatever_is_sent_is_no_fault_of_ours(
    world: World, changes: dict[str, Any], version: str
) -> None:
    answer = world.create(world.body(**changes), version)
    assert answer.status_code < 500, (changes, answer.content)
    if answer.status_code != 202:
        (fault,) = answer.json().values()
        assert fault["code"] == answer.status_code
        assert Instance.objects.count() == 0
    Instance.objects.all().delete()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("vmdk", "--import"),
        ("vdi", "--import"),
        ("vhd", "--import"),
        ("vhdx", "--import"),
        ("iso", "CD-ROM"),
        ("bootable iso", "CD-ROM"),
        ("ova", "Take the disk out"),
        ("compressed", "Take the disk out"),
        ("ramdisk", "not ari in ari"),
    ],
)
def test_an_image_hosts_cannot_open_is_refused_with_the_way_out(
    world: World, name: str, hint: str
) -> None:
    case = SOUND[name]
    image = make_image(
        context=make_context(world.user),
        data=case.make(),
        disk_format=case.disk_format,
        container_format=case.container,
    )
    with nothing_left():
        said = refused(world.create(world.body(imageRef=str(image.id))))
    assert hint in said


@pytest.mark.parametrize("name", ["qcow2", "ovf", "machine", "partitioned raw"])
def test_an_image_hosts_open_is_taken(world: World, name: str) -> None:
    case = SOUND[name]
    image = make_image(
        context=make_context(world.user),
        data=case.make(),
        disk_format=case.disk_format,
        container_format=case.container,
    )
    answer = world.create(world.body(imageRef=str(image.id)))
    assert answer.status_code == 202, answer.content
