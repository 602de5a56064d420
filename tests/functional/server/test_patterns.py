"""A pattern that a tenant feeds takes no thread from the API for long, on the real server."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.infrastructure import PATIENCE, Cloud

pytestmark = pytest.mark.timeout(2 * PATIENCE)
SERVERS = "/compute/v2.1/servers"
#: An engine that tries every way needs longer for this than the test may take.
NAME = "a" * 254 + "!"


@pytest.fixture
def api(cloud: Cloud) -> Iterator[httpx.Client]:
    """The demo user's client, at a version that takes servers without a network."""
    user = {"name": "demo", "domain": {"id": "default"}, "password": cloud.password()}
    scope = {"project": {"name": "demo", "domain": {"id": "default"}}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": scope}}
    with httpx.Client(base_url=cloud.url, timeout=PATIENCE) as client:
        answer = client.post("/identity/v3/auth/tokens", json=body).raise_for_status()
        client.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        client.headers["OpenStack-API-Version"] = "compute 2.96"
        yield client


def test_the_classic_pattern(api: httpx.Client) -> None:
    kind = {"name": "small", "disk_format": "raw", "container_format": "bare"}
    image = api.post("/image/v2/images", json=kind).raise_for_status().json()
    data = {"Content-Type": "application/octet-stream"}
    api.put(f"/image/v2/images/{image['id']}/file", content=b"\0" * 4096, headers=data)
    (flavor, *_) = api.get("/compute/v2.1/flavors").raise_for_status().json()["flavors"]
    wanted = {
        "name": NAME,
        "imageRef": image["id"],
        "flavorRef": flavor["id"],
        "networks": "none",
    }
    made = api.post(SERVERS, json={"server": wanted})
    assert made.status_code == 202, made.text
    server_id = made.json()["server"]["id"]

    def found(pattern: str) -> bool:
        answer = api.get(SERVERS, params={"name": pattern}).raise_for_status()
        return server_id in [one["id"] for one in answer.json()["servers"]]

    try:
        answers = {pattern: found(pattern) for pattern in ("^(a+)+$", "^(a+)+!$", "(a|aa)+$")}
    finally:
        assert api.delete(f"{SERVERS}/{server_id}").status_code == 204
        api.delete(f"/image/v2/images/{image['id']}")
    assert answers == {"^(a+)+$": False, "^(a+)+!$": True, "(a|aa)+$": False}
