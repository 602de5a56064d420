"""Identity providers, mappings and protocols over the API: their life, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from identity.models import Domain
from tests.builders.identity import ApiClient, client_with, make_domain

pytestmark = pytest.mark.django_db
BASE = "/identity/v3/OS-FEDERATION"
RULES = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "email"}]}]


@pytest.fixture
def admin() -> ApiClient:
    return client_with("admin")


def put_provider(admin: ApiClient, name: str = "corp", **more: Any) -> Any:
    return admin.send("PUT", f"{BASE}/identity_providers/{name}", {"identity_provider": more})


def put_mapping(admin: ApiClient, name: str = "m", rules: Any = RULES, **more: Any) -> Any:
    return admin.send("PUT", f"{BASE}/mappings/{name}", {"mapping": {"rules": rules, **more}})


def test_the_life_of_a_provider(admin: ApiClient) -> None:
    made = put_provider(admin, remote_ids=["https://idp.example"])  # nobody logs in by accident
    assert made.status_code == 201
    body = made.json()["identity_provider"]
    assert (body["id"], body["enabled"]) == ("corp", False)
    assert body["remote_ids"] == ["https://idp.example"]
    assert body["links"]["protocols"].endswith("/identity_providers/corp/protocols")
    assert Domain.objects.get(pk=body["domain_id"]).name == "corp"
    assert "client_secret" not in str(body)
    path = f"{BASE}/identity_providers/corp"
    changed = admin.send(
        "PATCH", path, {"identity_provider": {"description": "x", "enabled": True}}
    )
    assert changed.json()["identity_provider"]["description"] == "x"
    assert changed.json()["identity_provider"]["remote_ids"] == ["https://idp.example"]
    listed = admin.send("GET", f"{BASE}/identity_providers?enabled=true").json()
    assert [one["id"] for one in listed["identity_providers"]] == ["corp"]
    assert (
        admin.send("GET", f"{BASE}/identity_providers?enabled=false").json()["identity_providers"]
        == []
    )
    assert admin.send("DELETE", path).status_code == 204
    assert admin.send("GET", path).status_code == 404


def test_a_provider_gets_the_domain_that_is_named(admin: ApiClient) -> None:
    make_domain()
    body = put_provider(admin, domain_id="default").json()["identity_provider"]
    assert body["domain_id"] == "default"


def test_a_domain_that_has_the_name_already_is_not_taken(admin: ApiClient) -> None:
    ours = make_domain(id="ours", name="corp")
    assert put_provider(admin).json()["identity_provider"]["domain_id"] != ours.pk


@pytest.mark.parametrize(
    ("name", "more", "status"),
    [
        ("corp", {"domain_id": "nowhere"}, 400),
        ("corp", {"id": "other"}, 400),
        ("corp", {"remote_ids": "x"}, 400),
        ("corp", {"authorization_ttl": -1}, 400),
        ("corp", {"enabled": "perhaps"}, 400),
        ("corp", {"client_secret": "x"}, 400),
        ("a b", {}, 400),
        ("x" * 65, {}, 400),
    ],
)
def test_providers_that_are_refused(
    admin: ApiClient, name: str, more: dict[str, Any], status: int
) -> None:
    domains = Domain.objects.count()
    assert put_provider(admin, name, **more).status_code == status
    assert Domain.objects.count() == domains


def test_a_name_is_given_once(admin: ApiClient) -> None:
    assert put_provider(admin).status_code == 201
    domains = Domain.objects.count()
    assert put_provider(admin).status_code == 409
    assert Domain.objects.count() == domains
    assert put_mapping(admin).status_code == 201
    assert put_mapping(admin).status_code == 409


def test_the_life_of_a_mapping(admin: ApiClient) -> None:
    made = put_mapping(admin, schema_version=None)
    assert made.status_code == 201
    assert made.json()["mapping"]["rules"] == RULES
    other = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "sub"}]}]
    changed = admin.send("PATCH", f"{BASE}/mappings/m", {"mapping": {"rules": other}})
    assert changed.json()["mapping"]["rules"] == other
    refused = admin.send("PATCH", f"{BASE}/mappings/m", {"mapping": {"rules": []}})
    assert refused.status_code == 400
    assert [one["id"] for one in admin.send("GET", f"{BASE}/mappings").json()["mappings"]] == ["m"]
    assert admin.send("DELETE", f"{BASE}/mappings/m").status_code == 204


@pytest.mark.parametrize("rules", [[], [{}], {}, "x", None, [{"local": RULES, "remote": []}]])
def test_rules_that_are_refused(admin: ApiClient, rules: Any) -> None:
    answer = put_mapping(admin, rules=rules)
    assert answer.status_code == 400
    assert "rules" in answer.json()["error"]["message"]


def test_the_life_of_a_protocol(admin: ApiClient) -> None:
    put_provider(admin)
    put_mapping(admin)
    put_mapping(admin, "other")
    path = f"{BASE}/identity_providers/corp/protocols"
    made = admin.send("PUT", f"{path}/openid", {"protocol": {"mapping_id": "m"}})
    assert made.status_code == 201
    assert made.json()["protocol"]["id"] == "openid"
    twice = admin.send("PUT", f"{path}/openid", {"protocol": {"mapping_id": "m"}})
    assert twice.status_code == 409
    in_use = admin.send("DELETE", f"{BASE}/mappings/m")
    assert in_use.status_code == 409
    changed = admin.send("PATCH", f"{path}/openid", {"protocol": {"mapping_id": "other"}})
    assert changed.json()["protocol"]["mapping_id"] == "other"
    assert [one["id"] for one in admin.send("GET", path).json()["protocols"]] == ["openid"]
    assert admin.send("GET", f"{path}/openid").status_code == 200
    assert admin.send("DELETE", f"{path}/openid").status_code == 204
    assert admin.send("GET", f"{path}/openid").status_code == 404


def test_protocols_that_are_refused(admin: ApiClient) -> None:
    put_provider(admin)
    path = f"{BASE}/identity_providers/corp/protocols/openid"
    assert admin.send("PUT", path, {"protocol": {"mapping_id": "none"}}).status_code == 400
    assert admin.send("PUT", path, {"protocol": {}}).status_code == 400
    gone = f"{BASE}/identity_providers/gone/protocols/openid"
    put_mapping(admin)
    assert admin.send("PUT", gone, {"protocol": {"mapping_id": "m"}}).status_code == 404
    assert admin.send("GET", f"{BASE}/identity_providers/gone/protocols").status_code == 404


def test_lists_are_cut_into_pages(admin: ApiClient) -> None:
    for number in range(3):
        put_mapping(admin, f"m{number}")
    first = admin.send("GET", f"{BASE}/mappings?limit=2").json()
    assert [one["id"] for one in first["mappings"]] == ["m0", "m1"]
    second = admin.send("GET", f"{BASE}/mappings?limit=2&marker=m1").json()
    assert [one["id"] for one in second["mappings"]] == ["m2"]
