"""Policies that other services keep here, and which endpoints they are for."""

from __future__ import annotations

from typing import Any

import pytest

from identity.bootstrap import bootstrap
from identity.models import Endpoint, Region, Service
from tests.builders.identity import ApiClient, client_with

pytestmark = pytest.mark.django_db
POLICIES = "/identity/v3/policies"


@pytest.fixture
def admin() -> ApiClient:
    """An operator of a cloud after its first minute."""
    bootstrap(admin_password="x", demo_password="y")
    return client_with("admin")


def make_policy(admin: ApiClient, **attributes: Any) -> Any:
    body = {"policy": {"type": "application/json", "blob": "{}", **attributes}}
    return admin.send("POST", POLICIES, body)


def test_the_life_of_a_policy(admin: ApiClient) -> None:
    answer = make_policy(admin, colour="red")
    policy = answer.json()["policy"]
    assert answer.status_code == 201
    url = f"{POLICIES}/{policy['id']}"
    assert policy == {
        "id": policy["id"],
        "type": "application/json",
        "blob": "{}",
        "colour": "red",
        "links": {"self": f"http://testserver{url}"},
    }
    assert admin.send("GET", url).json() == {"policy": policy}
    assert admin.send("GET", f"{POLICIES}?type=application/json").json()["policies"] == [policy]
    assert admin.send("GET", f"{POLICIES}?type=text").json()["policies"] == []
    changed = admin.send("PATCH", url, {"policy": {"blob": "x", "colour": None}}).json()["policy"]
    assert changed == {key: value for key, value in policy.items() if key != "colour"} | {
        "blob": "x"
    }
    assert admin.send("DELETE", url).status_code == 204
    assert admin.send("GET", url).status_code == 404
    for wrong in ({"blob": {}}, {"type": None}, {"blob": "x" * 300_000}, {"id": "mine"}):
        assert make_policy(admin, **wrong).status_code == 400, list(wrong)


def test_the_nearest_policy_counts(admin: ApiClient) -> None:
    """An endpoint's own, then its service's in its region or one around it, then its service's."""
    north = Region.objects.create(id="north")
    Region.objects.filter(pk="RegionOne").update(parent=north)
    service = Service.objects.get(type="compute").pk
    endpoint = Endpoint.objects.get(service_id=service, interface="public").pk
    of_it = f"/identity/v3/endpoints/{endpoint}/OS-ENDPOINT-POLICY/policy"
    assert admin.send("GET", of_it).status_code == 404
    targets = (
        f"services/{service}",
        f"services/{service}/regions/north",
        f"services/{service}/regions/RegionOne",
        f"endpoints/{endpoint}",
    )
    made = []
    for target in targets:  # each nearer than the one before
        policy = make_policy(admin).json()["policy"]
        url = f"{POLICIES}/{policy['id']}/OS-ENDPOINT-POLICY"
        assert admin.send("GET", f"{url}/{target}").status_code == 404
        assert admin.send("PUT", f"{url}/{target}").status_code == 204
        assert admin.send("HEAD", f"{url}/{target}").status_code == 204
        assert admin.send("GET", of_it).json()["policy"] == policy, target
        endpoints = admin.send("GET", f"{url}/endpoints").json()["endpoints"]
        assert endpoint in {one["id"] for one in endpoints}, target
        assert len(endpoints) == (1 if target.startswith("endpoints") else 3)
        made.append(policy)
    for target, policy in list(zip(targets, made, strict=True))[::-1]:
        assert admin.send("GET", of_it).json()["policy"] == policy, target
        url = f"{POLICIES}/{policy['id']}/OS-ENDPOINT-POLICY/{target}"
        assert admin.send("DELETE", url).status_code == 204
        assert admin.send("DELETE", url).status_code == 404
    assert admin.send("GET", of_it).status_code == 404


def test_a_target_has_one_policy(admin: ApiClient) -> None:
    """Another one takes its place; nothing is associated with what does not exist."""
    first, second = (make_policy(admin).json()["policy"]["id"] for _ in range(2))
    service = Service.objects.get(type="compute").pk
    target = f"OS-ENDPOINT-POLICY/services/{service}"
    for policy in (first, second, second):
        assert admin.send("PUT", f"{POLICIES}/{policy}/{target}").status_code == 204
    assert admin.send("GET", f"{POLICIES}/{first}/{target}").status_code == 404
    assert admin.send("GET", f"{POLICIES}/{second}/{target}").status_code == 204
    for missing in ("services/x", "endpoints/x", f"services/{service}/regions/x"):
        url = f"{POLICIES}/{first}/OS-ENDPOINT-POLICY/{missing}"
        assert admin.send("PUT", url).status_code == 404, missing
