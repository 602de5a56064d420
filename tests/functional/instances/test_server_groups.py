"""Server groups: at each version, by whom, and what they do to the servers that name them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.models import Claim
from identity import quotas
from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.contract.access.test_compute import V21

pytestmark = pytest.mark.django_db(transaction=True)
GROUPS = f"{V21}/os-server-groups"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2) as made:
        yield made


def send(home: Lab, method: str, path: str, body: Any = None, *, minor: int = 64) -> Any:
    at = {"OpenStack_API_Version": f"compute 2.{minor}"}
    return home.client.send(method, f"{GROUPS}{path}", body, **at)


def make(home: Lab, minor: int = 64, **said: Any) -> dict[str, Any]:
    answer = send(home, "POST", "", {"server_group": {"name": "g", **said}}, minor=minor)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()["server_group"]
    return found


def test_what_each_version_shows(home: Lab) -> None:
    old = make(home, 1, policies=["anti-affinity"])
    new = make(home, policy="anti-affinity", rules={"max_server_per_host": 3})
    owner = {"project_id": home.project.pk, "user_id": home.context.user_id}
    assert old == {
        "id": old["id"], "name": "g", "policies": ["anti-affinity"], "metadata": {}, "members": [],
    }  # fmt: skip
    assert new == owner | {
        "id": new["id"], "name": "g", "policy": "anti-affinity", "rules": {"max_server_per_host": 3},
        "members": [],
    }  # fmt: skip
    assert send(home, "GET", f"/{old['id']}", minor=13).json()["server_group"] == old | owner
    assert [one["rules"] for one in send(home, "GET", "").json()["server_groups"]] == [
        {}, {"max_server_per_host": 3},
    ]  # fmt: skip
    assert [
        one["id"] for one in send(home, "GET", "?limit=1&offset=1").json()["server_groups"]
    ] == [new["id"]]


def test_what_is_refused(home: Lab) -> None:
    cases: dict[tuple[int, str], Any] = {
        (1, "two policies"): {"policies": ["affinity", "anti-affinity"]},
        (1, "no policy"): {"policies": []},
        (1, "nothing"): {},
        (14, "soft too early"): {"policies": ["soft-affinity"]},
        (63, "policy too early"): {"policy": "affinity"},
        (64, "policies too late"): {"policies": ["affinity"]},
        (64, "unknown"): {"policy": "close"},
        (64, "rules of another"): {"policy": "affinity", "rules": {"max_server_per_host": 2}},
        (64, "rule of none"): {"policy": "anti-affinity", "rules": {"max_server_per_host": 0}},
        (64, "unknown rule"): {"policy": "anti-affinity", "rules": {"min": 1}},
    }
    found = {
        case: send(
            home, "POST", "", {"server_group": {"name": "g", **said}}, minor=case[0]
        ).status_code
        for case, said in cases.items()
    }
    assert found == dict.fromkeys(cases, 400)
    for method in ("GET", "DELETE"):
        assert send(home, method, "/nothing").status_code == 404
    assert send(home, "GET", "?offset=x").status_code == 400
    assert send(home, "GET", "?all_projects=1").status_code == 403
    quotas.update(home.project.pk, "compute", {"server_groups": 0})
    answer = send(home, "POST", "", {"server_group": {"name": "g", "policy": "affinity"}})
    assert answer.status_code == 403
    assert "Quota exceeded for server_groups" in answer.json()["forbidden"]["message"]


def create(home: Lab, group: dict[str, Any], **more: Any) -> Any:
    hints = {"os:scheduler_hints": {"group": group["id"]}}
    body = home.body(**more) | hints
    answer = home.client.send("POST", f"{V21}/servers", body)
    home.cloud.settle()
    return answer


def test_servers_are_apart_and_say_their_group(home: Lab) -> None:
    group = make(home, policy="anti-affinity")
    servers = [create(home, group).json()["server"]["id"] for _ in range(3)]
    shown = [home.show(one) for one in servers]
    assert [one["status"] for one in shown] == ["ACTIVE", "ACTIVE", "ERROR"]
    assert [one["server_groups"] for one in shown] == [[group["id"]]] * 3
    assert "server group" in shown[2]["fault"]["message"]
    assert Claim.objects.filter(group_id=group["id"]).values("host").distinct().count() == 2
    assert send(home, "GET", f"/{group['id']}").json()["server_group"]["members"] == servers
    home.client.send("DELETE", f"{V21}/servers/{servers[0]}")
    home.cloud.settle()
    assert send(home, "GET", f"/{group['id']}").json()["server_group"]["members"] == servers[1:]
    assert home.show(create(home, group).json()["server"]["id"])["status"] == "ACTIVE"
    assert send(home, "DELETE", f"/{group['id']}").status_code == 204
    assert home.show(servers[1])["server_groups"] == []


def test_a_group_that_is_full_or_not_there(home: Lab) -> None:
    group = make(home, policy="soft-affinity")
    quotas.update(home.project.pk, "compute", {"server_group_members": 1})
    assert create(home, group).status_code == 202
    answer = create(home, group)
    assert answer.status_code == 403
    assert "server_group_members" in answer.json()["forbidden"]["message"]
    quotas.update(home.project.pk, "compute", {"server_group_members": 3})
    assert create(home, group, min_count=1, max_count=5).status_code == 202
    members = send(home, "GET", f"/{group['id']}").json()["server_group"]["members"]
    assert len(members) == 3
    missing = {"id": "11111111-1111-1111-1111-111111111111"}
    assert create(home, missing).status_code == 400


def test_operators_see_and_delete_them(home: Lab) -> None:
    operator = browser_of(make_member("admin", password=PASSWORD))
    group = make(home, policy="affinity")
    create(home, group)
    page = operator.get("/admin/instances/servergroup/")
    assert page.status_code == 200
    assert b'field-servers_total">1<' in page.content
    said = {"action": "delete_groups", "_selected_action": [group["id"]], "sure": "yes"}
    operator.post("/admin/instances/servergroup/", said)
    assert send(home, "GET", f"/{group['id']}").status_code == 404
