"""Aggregates over REST, on the operators' page, and what they do to placement."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from compute.exceptions import NoValidHost
from compute.manager import AggregateManager
from compute.models import Aggregate, Host
from compute.scheduler import PlacementRequest, claim
from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.compute import compute_client, make_context, make_host, make_request
from tests.builders.identity import make_member

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
PATH = "/os-aggregates"


def send(method: str, path: str = "", body: Any = None, *, version: str = "2.41") -> Any:
    return compute_client("admin", version).send(method, PATH + path, body)


def make(name: str = "a", **more: Any) -> dict[str, Any]:
    answer = send("POST", body={"aggregate": {"name": name, **more}})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()["aggregate"]
    return found


def act(one: dict[str, Any], word: str, value: Any) -> Any:
    return send("POST", f"/{one['id']}/action", {word: value})


def host_in(one: dict[str, Any], name: str) -> int:
    return int(act(one, "add_host", {"host": name}).status_code)


def test_its_life() -> None:
    make_host("h1")
    made = make(availability_zone="east")
    assert made | {"created_at": "", "uuid": ""} == {
        "id": made["id"], "uuid": "", "name": "a", "availability_zone": "east", "created_at": "",
        "updated_at": None, "deleted": False, "deleted_at": None,
    }  # fmt: skip
    shown = act(made, "add_host", {"host": "h1"}).json()["aggregate"]
    assert (shown["hosts"], shown["metadata"]) == (["h1"], {"availability_zone": "east"})
    assert Host.objects.get().zone == "east"
    shown = act(made, "set_metadata", {"metadata": {"ssd": "yes", "x": "1"}}).json()["aggregate"]
    shown = act(made, "set_metadata", {"metadata": {"x": None}}).json()["aggregate"]
    assert shown["metadata"] == {"availability_zone": "east", "ssd": "yes"}
    old = send("GET", version="2.40").json()["aggregates"]
    assert [set(shown) - set(one) for one in old] == [{"uuid"}]
    changed = send("PUT", f"/{made['id']}", {"aggregate": {"name": "b", "availability_zone": "w"}})
    assert changed.json()["aggregate"]["availability_zone"] == Host.objects.get().zone == "w"
    assert send("DELETE", f"/{made['id']}").status_code == 400
    assert act(made, "remove_host", {"host": "h1"}).json()["aggregate"]["hosts"] == []
    assert Host.objects.get().zone == "nova"
    gone = send("DELETE", f"/{made['id']}")
    assert (gone.status_code, gone.content) == (200, b"")
    assert send("GET", f"/{made['id']}").status_code == 404


def test_what_is_refused() -> None:
    make_host("h1")
    one, two = make("one", availability_zone="east"), make("two", availability_zone="west")
    assert host_in(one, "h1") == 200
    found = {
        "name taken": send("POST", body={"aggregate": {"name": "one"}}).status_code,
        "renamed to it": send("PUT", f"/{two['id']}", {"aggregate": {"name": "one"}}).status_code,
        "there": host_in(one, "h1"),
        "another zone": host_in(two, "h1"),
        "no host": host_in(two, "h9"),
        "not there": act(two, "remove_host", {"host": "h1"}).status_code,
        "no name": send("POST", body={"aggregate": {"name": ""}}).status_code,
        "bad zone": send(
            "POST", body={"aggregate": {"name": "x", "availability_zone": "a:b"}}
        ).status_code,
        "nothing": send("PUT", f"/{two['id']}", {"aggregate": {}}).status_code,
        "unknown action": act(two, "fly", {}).status_code,
        "bad value": act(two, "set_metadata", {"metadata": {"k": 1}}).status_code,
        "bad zone by metadata": act(
            two, "set_metadata", {"metadata": {"availability_zone": "a:b"}}
        ).status_code,
        "no number": send("GET", "/x").status_code,
    }
    assert found == {
        "name taken": 409, "renamed to it": 409, "there": 409, "another zone": 409, "no host": 404,
        "not there": 404, "no name": 400, "bad zone": 400, "nothing": 400, "unknown action": 400,
        "bad value": 400, "bad zone by metadata": 400, "no number": 404,
    }  # fmt: skip


def place(**request: Any) -> str:
    wanted: PlacementRequest = make_request(**request)
    project = request.get("project_id", "p")
    server = str(uuid.uuid4())
    return claim(make_context(), instance_id=server, project_id=project, request=wanted).host


def test_servers_keep_hosts_in_their_zone() -> None:
    make_host("h1")
    one = make(availability_zone="east")
    place()
    assert host_in(one, "h1") == 409
    act(one, "set_metadata", {"metadata": {"availability_zone": "nova"}})
    assert host_in(one, "h1") == 200
    answer = send("PUT", f"/{one['id']}", {"aggregate": {"availability_zone": "west"}})
    assert answer.status_code == 400
    assert "has servers" in answer.json()["badRequest"]["message"]
    assert Host.objects.get().zone == "nova"


def test_a_flavor_asks_for_what_an_aggregate_says() -> None:
    make_host("h1"), make_host("h2")
    one = make()
    host_in(one, "h2")
    act(one, "set_metadata", {"metadata": {"disk": "ssd"}})
    wanted = AggregateManager(make_context()).matching({"disk": "<or> ssd <or> nvme"})
    assert {place(aggregates=wanted) for _ in range(3)} == {"h2"}
    none = AggregateManager(make_context()).matching({"disk": "nvme"})
    with pytest.raises(NoValidHost, match="are in no aggregate with disk=nvme"):
        place(aggregates=none)


def test_hosts_are_kept_for_a_project() -> None:
    make_host("h1"), make_host("h2")
    one = make()
    act(one, "set_metadata", {"metadata": {"filter_tenant_id": "mine, ours"}})
    host_in(one, "h1")
    assert {place() for _ in range(3)} == {"h2"}
    Host.objects.filter(name="h2").update(enabled=False)
    assert place(project_id="ours") == "h1"
    with pytest.raises(NoValidHost, match="1 is kept for other projects"):
        place()
    act(one, "remove_host", {"host": "h1"})
    assert place() == "h1"


def test_operators_have_a_page() -> None:
    host = make_host("h1")
    operator = browser_of(make_member("admin", password=PASSWORD))
    path = "/admin/compute/aggregate/"
    form = {
        "name": "fast",
        "zone": "east",
        "items": "ssd=yes\nfilter_tenant_id=p",
        "hosts": host.pk,
    }
    assert operator.post(f"{path}add/", form).status_code == 302
    one = Aggregate.objects.get()
    host.refresh_from_db()
    assert (one.metadata, host.zone, host.reserved) == (
        {"ssd": "yes", "filter_tenant_id": "p"}, "east", True,
    )  # fmt: skip
    assert b"ssd=yes" in operator.get(path).content
    assert (
        b"not empty"
        in operator.post(f"{path}{one.pk}/delete/", {"post": "yes"}, follow=True).content
    )
    change = {"name": "fast", "zone": "", "items": "", "hosts": []}
    assert operator.post(f"{path}{one.pk}/change/", change).status_code == 302
    host.refresh_from_db()
    assert (host.zone, host.reserved, one.hosts.count()) == ("nova", False, 0)
