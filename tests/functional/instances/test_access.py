"""Every route of servers by everybody: anonymous, another project, reader, member, manager, admin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import URLPattern

from compute.bootstrap import ensure_default_flavors
from compute.models import Flavor
from instances.api.urls import ROUTES
from instances.models import KeyPair
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    make_context,
    make_member,
    make_project,
)
from tests.builders.images import RAW, make_image
from tests.builders.networks import make_network, make_subnet
from tests.builders.servers import make_server

pytestmark = pytest.mark.django_db
CALLERS = ("anonymous", "other", "reader", "member", "manager", "admin")
Statuses = tuple[int, int, int, int, int, int]


def by_role(*, other: int, reader: int, member: int, admin: int | None = None) -> Statuses:
    """Return the statuses in the order of CALLERS; managers are members."""
    return (401, other, reader, member, member, member if admin is None else admin)


READ = by_role(other=404, reader=200, member=200)
LIST = by_role(other=200, reader=200, member=200)
WRITE = by_role(other=404, reader=403, member=200)
DO = by_role(other=404, reader=403, member=202)
#: A key pair is a user's: even its project's other members do not see it.
OWN = by_role(other=404, reader=404, member=404)
QUOTA = by_role(other=403, reader=200, member=200)
OPERATE = by_role(other=403, reader=403, member=403, admin=200)
ITEMS = {"metadata": {"a": "b"}}
SERVER = "servers/{server_id}"

#: (method, route) -> (body, status by caller); what is in braces is of the project's member.
TABLE: dict[tuple[str, str], tuple[Any, Statuses]] = {
    ("GET", "servers"): (None, LIST),
    ("POST", "servers"): ("create", by_role(other=400, reader=403, member=202)),
    ("GET", "servers/detail"): (None, LIST),
    ("GET", SERVER): (None, READ),
    ("PUT", SERVER): ({"server": {"name": "x"}}, WRITE),
    ("DELETE", SERVER): (None, by_role(other=404, reader=403, member=204)),
    ("POST", f"{SERVER}/action"): ({"os-stop": None}, DO),
    ("GET", f"{SERVER}/ips"): (None, READ),
    ("GET", f"{SERVER}/ips/{{label}}"): (None, by_role(other=404, reader=404, member=404)),
    ("GET", f"{SERVER}/metadata"): (None, READ),
    ("POST", f"{SERVER}/metadata"): (ITEMS, WRITE),
    ("PUT", f"{SERVER}/metadata"): (ITEMS, WRITE),
    ("GET", f"{SERVER}/metadata/{{key}}"): (None, READ),
    ("PUT", f"{SERVER}/metadata/{{key}}"): ({"meta": {"k": "w"}}, WRITE),
    ("DELETE", f"{SERVER}/metadata/{{key}}"): (None, by_role(other=404, reader=403, member=204)),
    ("GET", f"{SERVER}/os-security-groups"): (None, READ),
    ("GET", f"{SERVER}/os-interface"): (None, READ),
    ("GET", f"{SERVER}/os-instance-actions"): (None, READ),
    ("GET", f"{SERVER}/os-instance-actions/{{request_id}}"): (
        None,
        by_role(other=404, reader=404, member=404),
    ),
    ("GET", "os-keypairs"): (None, LIST),
    ("POST", "os-keypairs"): ({"keypair": {"name": "new"}}, by_role(other=200, reader=200, member=200)),
    ("GET", "os-keypairs/{name}"): (None, OWN),
    ("DELETE", "os-keypairs/{name}"): (None, OWN),
    ("GET", "limits"): (None, LIST),
    ("GET", "os-quota-sets/{project_id}"): (None, QUOTA),
    ("PUT", "os-quota-sets/{project_id}"): ({"quota_set": {"cores": 3}}, OPERATE),
    ("DELETE", "os-quota-sets/{project_id}"): (None, (401, 403, 403, 403, 403, 202)),
    ("GET", "os-quota-sets/{project_id}/defaults"): (None, LIST),
    ("GET", "os-quota-sets/{project_id}/detail"): (None, QUOTA),
}  # fmt: skip
#: Every action that POST …/action knows, as far as a server without a host gets.
ACTIONS: dict[str, tuple[Any, Statuses]] = {
    "os-start": (None, by_role(other=404, reader=403, member=409)),
    "os-stop": (None, DO),
    "reboot": ({"type": "SOFT"}, DO),
    "os-getConsoleOutput": ({}, by_role(other=404, reader=403, member=409)),
}


@dataclass
class World:
    """A project with one of each, its member, and someone who calls."""

    client: ApiClient
    ids: dict[str, str]
    create: dict[str, Any]

    def url(self, route: str) -> str:
        return f"/compute/v2.1/{route.format(**self.ids)}"


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(caller: str, settings: Any, tmp_path: Any) -> World:
    settings.IMAGE_STORE = tmp_path / "images"
    ensure_default_flavors()
    project = make_project()
    owner = make_member("member", project=project)
    context = make_context(owner)
    network = make_network(context)
    make_subnet(network, context)
    image = make_image(context=context, data=RAW)
    server = make_server(owner, metadata={"k": "v"})
    KeyPair.objects.create(user_id=owner.pk, name="mine", public_key="x", fingerprint="y")
    client = ApiClient()
    if caller == "other":
        client = client_with("member")
    elif caller != "anonymous":
        client = client_of(make_member(caller, project=project))
    ids = {
        "server_id": str(server.id),
        "label": "no-such-network",
        "key": "k",
        "request_id": "req-none",
        "name": "mine",
        "project_id": project.pk,
    }
    flavor = Flavor.objects.order_by("ram").first()
    assert flavor is not None
    create = {
        "name": "new",
        "imageRef": str(image.id),
        "flavorRef": flavor.id,
        "networks": [{"uuid": str(network.id)}],
    }
    return World(client, ids, {"server": create})


@pytest.mark.parametrize("route", TABLE, ids=" ".join)
def test_access(route: tuple[str, str], caller: str, world: World) -> None:
    (method, path), (body, statuses) = route, TABLE[route]
    answer = world.client.send(method, world.url(path), world.create if body == "create" else body)
    assert answer.status_code == statuses[CALLERS.index(caller)], answer.content
    check_envelope(answer)


@pytest.mark.parametrize("action", ACTIONS)
def test_actions(action: str, caller: str, world: World) -> None:
    value, statuses = ACTIONS[action]
    answer = world.client.send("POST", world.url(f"{SERVER}/action"), {action: value})
    assert answer.status_code == statuses[CALLERS.index(caller)], answer.content
    check_envelope(answer)


def check_envelope(answer: Any) -> None:
    """A refusal is in compute's words; a 403 names the policy."""
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://testserver/identity"'
        assert answer.json()["error"]["code"] == 401
    elif answer.status_code >= 400:
        names = {
            400: "badRequest",
            403: "forbidden",
            404: "itemNotFound",
            409: "conflictingRequest",
        }
        fault = answer.json()[names[answer.status_code]]
        assert fault["code"] == answer.status_code
        if answer.status_code == 403:
            assert fault["message"].startswith("Policy doesn't allow ")
    elif answer.status_code in (202, 204) and not answer.content:
        assert answer.headers["Content-Length"] == "0"


def test_every_route_and_action_is_in_the_table() -> None:
    routed = {
        (method.upper(), str(route.pattern).replace("<str:", "{").replace(">", "}"))
        for route in ROUTES
        if isinstance(route, URLPattern)
        for method in route.callback.actions  # type: ignore[attr-defined]
        if method != "head"
    }
    assert routed == TABLE.keys()
    from instances.api.actions import ServerActionViewSet

    assert set(ServerActionViewSet.ACTIONS) == ACTIONS.keys()


def test_lists_hold_nothing_of_others() -> None:
    owner = make_member("member")
    make_server(owner)
    for client in (client_with("member"), client_with("admin")):
        for path in ("servers", "servers/detail"):
            assert client.send("GET", f"/compute/v2.1/{path}").json() == {"servers": []}
    everybody = "/compute/v2.1/servers?all_tenants=1"
    assert client_with("member").send("GET", everybody).status_code == 403
    assert len(client_with("admin").send("GET", everybody).json()["servers"]) == 1


def test_a_project_in_the_url_must_be_the_tokens() -> None:
    owner = make_member("member")
    server = make_server(owner)
    client = client_of(owner)
    own = f"/compute/v2.1/{owner.default_project_id}/servers/{server.id}"
    assert client.send("GET", own).status_code == 200
    wrong = client.send("GET", f"/compute/v2.1/{'0' * 32}/servers/{server.id}")
    assert wrong.status_code == 400
    assert "doesn't match Context's project_id" in wrong.json()["badRequest"]["message"]


def test_only_an_operator_says_where() -> None:
    """A host in the zone or at its own key is for admins; so is another user's key pair."""
    owner = make_member("member")
    KeyPair.objects.create(user_id=owner.pk, name="mine", public_key="x", fingerprint="y")
    at = {"OpenStack_API_Version": "compute 2.96"}
    path = f"/compute/v2.1/os-keypairs/mine?user_id={owner.pk}"
    assert client_with("member").send("GET", path, **at).status_code == 403
    assert client_with("admin").send("GET", path, **at).status_code == 200
    body = {"name": "x", "flavorRef": "1", "imageRef": str(owner.pk), "networks": "none"}
    for more in ({"availability_zone": "nova:h1"}, {"host": "h1"}, {"hypervisor_hostname": "h1"}):
        answer = client_of(owner).send(
            "POST", "/compute/v2.1/servers", {"server": body | more}, **at
        )
        assert answer.status_code == 403, more
