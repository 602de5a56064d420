"""What bodies say and how they are shaped (contract 12.4), one function a number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instances.states import VmState
from tests.builders.identity import ApiClient, client_of, client_with, make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_context, make_network
from tests.builders.servers import make_server
from tests.functional.test_envelopes import LISTS

pytestmark = pytest.mark.django_db
NOVA = "/compute/v2.1"


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    """A small cloud on fake drivers."""
    with lab(tmp_path) as made:
        yield made


def at(client: ApiClient, version: str, path: str) -> Any:
    """Return what a GET says at a microversion."""
    answer = client.send("GET", NOVA + path, OpenStack_API_Version=f"compute {version}")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.django_db(transaction=True)
def test_26_null_is_absent(home: Lab) -> None:
    """The command sends null for what its user did not say."""
    said = dict.fromkeys(("key_name", "user_data", "availability_zone", "config_drive"))
    answer = home.client.send(
        "POST", f"{NOVA}/servers", {"server": {**home.body()["server"], **said}}
    )
    assert answer.status_code == 202, answer.content


@pytest.mark.django_db(transaction=True)
def test_27_what_the_command_sends_for_a_server(home: Lab) -> None:
    """The image twice, counts, a list of networks; from 2.37 on networks must be said."""
    disk = {
        "uuid": str(home.image.id), "boot_index": 0, "source_type": "image",
        "destination_type": "local", "delete_on_termination": True,
    }  # fmt: skip
    body = home.body(block_device_mapping_v2=[disk])
    sent = {"OpenStack_API_Version": "compute 2.96"}
    assert home.client.send("POST", f"{NOVA}/servers", body, **sent).status_code == 202
    del body["server"]["networks"]
    assert home.client.send("POST", f"{NOVA}/servers", body, **sent).status_code == 400
    sent = {"OpenStack_API_Version": "compute 2.36"}
    assert home.client.send("POST", f"{NOVA}/servers", body, **sent).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_28_a_created_server_is_five_keys(home: Lab) -> None:
    """The password is in this answer alone."""
    answer = home.client.send("POST", f"{NOVA}/servers", home.body())
    made = answer.json()["server"]
    assert made.keys() == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    assert answer.headers["Location"] == made["links"][0]["href"]
    home.cloud.settle()
    assert "adminPass" not in home.show(made["id"])


def test_29_one_object_many_shapes(admin: ApiClient) -> None:
    """The header alone decides: a server's flavor, a flavor's swap, ids of hypervisors, limits."""
    user = make_member("member")
    server, client = make_server(user), client_of(user)
    old, new = (
        at(client, one, f"/servers/{server.id}")["server"]["flavor"] for one in ("2.46", "2.47")
    )
    assert old.keys() == {"id", "links"}
    assert {"vcpus", "ram", "original_name"} <= new.keys()
    assert "id" not in new
    flavor = {"id": "s", "name": "s", "ram": 64, "vcpus": 1, "disk": 1}
    admin.send("POST", LISTS["compute"], {"flavor": flavor})
    swaps = [at(admin, one, "/flavors/s")["flavor"]["swap"] for one in ("2.74", "2.75")]
    assert swaps == ["", 0]
    project = user.default_project_id
    quotas = [at(admin, one, f"/os-quota-sets/{project}")["quota_set"] for one in ("2.35", "2.36")]
    assert "floating_ips" in quotas[0]
    assert "floating_ips" not in quotas[1]


def test_30_envelopes_that_differ(admin: ApiClient) -> None:
    """Key pairs are wrapped twice, one extra spec not at all, limits have a ``rate``."""
    client = client_with("member")
    assert client.send("POST", f"{NOVA}/os-keypairs", {"keypair": {"name": "k"}}).status_code < 300
    (pair,) = at(client, "2.1", "/os-keypairs")["keypairs"]
    assert pair["keypair"]["name"] == "k"
    admin.send(
        "POST",
        LISTS["compute"],
        {"flavor": {"id": "s", "name": "s", "ram": 64, "vcpus": 1, "disk": 1}},
    )
    admin.send("POST", f"{NOVA}/flavors/s/os-extra_specs", {"extra_specs": {"a:b": "c"}})
    assert at(admin, "2.1", "/flavors/s/os-extra_specs/a:b") == {"a:b": "c"}
    assert at(client, "2.1", "/limits")["limits"]["rate"] == []


def test_31_types_that_surprise() -> None:
    """power_state is a number, config_drive text, what is not there yet ``""``."""
    user = make_member("member")
    client = client_of(user)
    ready, building = (
        make_server(user),
        make_server(user, vm_state=VmState.BUILDING, power_state=0, launched_at=None, host=""),
    )
    shown = at(client, "2.1", f"/servers/{ready.id}")["server"]
    assert shown["OS-EXT-STS:power_state"] == 1
    assert (shown["config_drive"], shown["accessIPv4"], shown["accessIPv6"]) == ("", "", "")
    assert "progress" in shown
    unscheduled = at(client, "2.1", f"/servers/{building.id}")["server"]
    assert unscheduled["hostId"] == ""
    assert shown["image"] == unscheduled["image"] == ""  # neither has one


def test_32_links_have_two_keys_and_a_bookmark_no_version(admin: ApiClient) -> None:
    """Of servers and flavors, in lists and shows."""
    user = make_member("member")
    server = make_server(user)
    for found in (
        at(client_of(user), "2.1", "/servers")["servers"][0],
        at(client_of(user), "2.1", f"/servers/{server.id}")["server"],
    ):
        own, bookmark = found["links"]
        assert own.keys() == bookmark.keys() == {"rel", "href"}
        assert own == {"rel": "self", "href": f"http://testserver{NOVA}/servers/{server.id}"}
        assert bookmark == {
            "rel": "bookmark", "href": f"http://testserver/compute/servers/{server.id}",
        }  # fmt: skip


@pytest.mark.parametrize("noun", ["project", "user"])
def test_33_keystones_patch_merges_and_keeps_what_it_does_not_know(
    admin: ApiClient, noun: str
) -> None:
    """Attributes of one's own are stored, shown, changed, and listed."""
    path = f"/identity/v3/{noun}s"
    made = admin.send("POST", path, {noun: {"name": "n", "color": "red", "cost": 7}}).json()[noun]
    assert (made["color"], made["cost"]) == ("red", 7)
    changed = admin.send("PATCH", f"{path}/{made['id']}", {noun: {"color": "blue"}}).json()[noun]
    assert (changed["name"], changed["color"], changed["cost"]) == ("n", "blue", 7)
    assert admin.send("GET", f"{path}/{made['id']}").json()[noun]["color"] == "blue"


def test_34_an_image_has_no_envelope(admin: ApiClient) -> None:
    """Properties stand beside attributes; links are paths from /v2."""
    answer = admin.send("POST", LISTS["image"], {"name": "i", "my_property": "mine"})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["name"], body["my_property"]) == ("i", "mine")
    assert body["self"] == f"/v2/images/{body['id']}"
    assert body["file"] == f"/v2/images/{body['id']}/file"
    admin.send("POST", LISTS["image"], {"name": "j"})
    page = admin.send("GET", f"{LISTS['image']}?limit=1").json()
    assert page["first"].startswith("/v2/images?")
    assert page["next"].startswith("/v2/images?")


def test_35_network_answers_whole_and_in_bulk(admin: ApiClient) -> None:
    """PUT returns everything, POST takes a list, a tag's PUT is 201 without a body."""
    made = admin.send("POST", LISTS["network"], {"networks": [{"name": "a"}, {"name": "b"}]})
    assert made.status_code == 201
    first, _ = made.json()["networks"]
    assert first["tenant_id"] == first["project_id"]
    path = f"{LISTS['network']}/{first['id']}"
    changed = admin.send("PUT", path, {"network": {"name": "c"}}).json()["network"]
    assert changed.keys() == first.keys()
    tagged = admin.send("PUT", f"{path}/tags/red")
    assert (tagged.status_code, tagged.content) == (201, b"")


def test_36_network_leaves_out_what_the_caller_may_not_see() -> None:
    """Missing, not null."""
    context = make_context()
    network = make_network(context)
    admin_sees = (
        client_with("admin").send("GET", f"{LISTS['network']}/{network.id}").json()["network"]
    )
    assert any(key.startswith("provider:") for key in admin_sees)
    member = client_with("member")
    own = member.send("POST", LISTS["network"], {"network": {"name": "own"}}).json()["network"]
    assert not [key for key in own if key.startswith("provider:")]
    assert None not in [own[key] for key in ("subnets", "tags", "mtu", "shared")]
