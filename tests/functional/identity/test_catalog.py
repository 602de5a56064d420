"""Domains, services, endpoints and regions over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from identity.bootstrap import bootstrap
from identity.scopes import Place
from tests.builders.identity import ApiClient, client_with, grant_at, make_domain, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> ApiClient:
    """An operator of a cloud after its first minute."""
    bootstrap(admin_password="x", demo_password="y")
    return client_with("admin")


def test_services_and_endpoints(admin: ApiClient) -> None:
    """Every service with three endpoints, URLs as clients reach them; volumes under both their types."""
    services = admin.send("GET", "/identity/v3/services").json()["services"]
    types = {"identity", "compute", "network", "image", "block-storage", "volumev3", "database"}
    assert {one["type"] for one in services} == types
    (compute,) = admin.send("GET", "/identity/v3/services?type=compute").json()["services"]
    assert admin.send("GET", f"/identity/v3/services/{compute['id']}").json()["service"] == compute
    assert admin.send("GET", "/identity/v3/services/compute").status_code == 404
    assert len(admin.send("GET", "/identity/v3/endpoints").json()["endpoints"]) == 3 * len(types)
    query = f"service_id={compute['id']}&interface=public&region_id=RegionOne"
    (public,) = admin.send("GET", f"/identity/v3/endpoints?{query}").json()["endpoints"]
    assert public["url"] == "http://testserver/compute/v2.1"
    assert public["region"] == public["region_id"] == "RegionOne"
    shown = admin.send("GET", f"/identity/v3/endpoints/{public['id']}").json()
    assert shown == {"endpoint": public}


def test_a_word_for_a_boolean_is_none_on_endpoints(admin: ApiClient) -> None:
    url = "/identity/v3/endpoints"
    service = admin.send("GET", "/identity/v3/services?type=image").json()["services"][0]["id"]
    body = {
        "service_id": service,
        "interface": "public",
        "url": "http://x",
        "region_id": "RegionOne",
    }
    shown = admin.send("GET", url).json()["endpoints"]
    for word in ("False", "True", 0, "no"):
        assert admin.send("POST", url, {"endpoint": {**body, "enabled": word}}).status_code == 400
        one = f"{url}/{shown[0]['id']}"
        assert admin.send("PATCH", one, {"endpoint": {"enabled": word}}).status_code == 400
    assert admin.send("GET", url).json()["endpoints"] == shown
    assert admin.send("PATCH", one, {"endpoint": {"enabled": False}}).status_code == 200


def test_regions(admin: ApiClient) -> None:
    """One, under the name that clients use; anyone may see it."""
    for client in (admin, client_with("reader")):
        (region,) = client.send("GET", "/identity/v3/regions").json()["regions"]
        assert region["id"] == "RegionOne"
        assert client.send("GET", "/identity/v3/regions/RegionOne").json() == {"region": region}
        assert client.send("GET", "/identity/v3/regions/Mars").status_code == 404


def test_domains(admin: ApiClient) -> None:
    """``default`` is found by name and by id; others see their own."""
    make_domain(id="other", name="Other", enabled=False)
    (found,) = admin.send("GET", "/identity/v3/domains?name=Default").json()["domains"]
    assert (found["id"], found["enabled"]) == ("default", True)
    (disabled,) = admin.send("GET", "/identity/v3/domains?enabled=false").json()["domains"]
    assert disabled["id"] == "other"
    reader = client_with("reader")
    assert reader.send("GET", "/identity/v3/domains/default").json()["domain"] == found
    assert reader.send("GET", "/identity/v3/domains/other").status_code == 404
    assert admin.send("GET", "/identity/v3/domains/Default").status_code == 404


def test_domain_names_match_whatever_their_case(admin: ApiClient) -> None:
    """At log-in, in scopes, in lists; two that differ by case alone are one."""
    red = make_domain(id="red-id", name="Red")
    user = make_user(domain=red, password="secret-of-red", name="ann")
    grant_at(Place(domain=red), "member", user)
    named = {"name": "ann", "domain": {"name": "rED"}, "password": "secret-of-red"}
    auth = {
        "identity": {"methods": ["password"], "password": {"user": named}},
        "scope": {"domain": {"name": "RED"}},
    }
    answer = ApiClient().send("POST", "/identity/v3/auth/tokens", {"auth": auth})
    assert answer.status_code == 201
    assert answer.json()["token"]["domain"] == {"id": red.pk, "name": "Red"}
    (found,) = admin.send("GET", "/identity/v3/domains?name=reD").json()["domains"]
    assert found["id"] == red.pk
    assert make(admin, "domain", name="RED").status_code == 409
    assert make(admin, "domain", name="blue").status_code == 201


def make(admin: ApiClient, kind: str, **attributes: Any) -> Any:
    """Post one thing."""
    return admin.send("POST", f"/identity/v3/{kind}s", {kind: attributes})


def test_an_endpoint_may_have_a_twin_and_bootstrap_adds_none(admin: ApiClient) -> None:
    (compute,) = admin.send("GET", "/identity/v3/services?type=compute").json()["services"]
    wanted = {"service_id": compute["id"], "interface": "public", "region_id": "RegionOne"}
    second = make(admin, "endpoint", url="http://other.example", **wanted)
    assert second.status_code == 201
    found = admin.send("GET", f"/identity/v3/endpoints?service_id={compute['id']}").json()
    assert len(found["endpoints"]) == 4
    bootstrap(admin_password="x", demo_password="y")
    again = admin.send("GET", f"/identity/v3/endpoints?service_id={compute['id']}").json()
    assert again == found


def test_a_service_without_endpoints_is_in_the_catalog(admin: ApiClient) -> None:
    """With none; a disabled one is not there at all."""
    bare = make(admin, "service", type="rating", name="bare").json()["service"]
    make(admin, "service", type="rating", name="off", enabled=False)
    catalog = admin.send("GET", "/identity/v3/auth/catalog").json()["catalog"]
    (entry,) = [one for one in catalog if one["type"] == "rating"]
    assert entry == {"id": bare["id"], "type": "rating", "name": "bare", "endpoints": []}
