"""Domains, services, endpoints and regions over HTTP."""

from __future__ import annotations

import pytest

from identity.bootstrap import bootstrap
from tests.builders.identity import ApiClient, client_with, make_domain

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> ApiClient:
    """An operator of a cloud after its first minute."""
    bootstrap(admin_password="x", demo_password="y")
    return client_with("admin")


def test_services_and_endpoints(admin: ApiClient) -> None:
    """Four services with three endpoints each, URLs as clients reach them."""
    services = admin.send("GET", "/identity/v3/services").json()["services"]
    assert {one["type"] for one in services} == {"identity", "compute", "network", "image"}
    (compute,) = admin.send("GET", "/identity/v3/services?type=compute").json()["services"]
    assert admin.send("GET", f"/identity/v3/services/{compute['id']}").json()["service"] == compute
    assert admin.send("GET", "/identity/v3/services/compute").status_code == 404
    assert len(admin.send("GET", "/identity/v3/endpoints").json()["endpoints"]) == 12
    query = f"service_id={compute['id']}&interface=public&region_id=RegionOne"
    (public,) = admin.send("GET", f"/identity/v3/endpoints?{query}").json()["endpoints"]
    assert public["url"] == "http://testserver/compute/v2.1"
    assert public["region"] == public["region_id"] == "RegionOne"
    shown = admin.send("GET", f"/identity/v3/endpoints/{public['id']}").json()
    assert shown == {"endpoint": public}


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
