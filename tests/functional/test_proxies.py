"""X-Forwarded-*: from a reverse proxy of ours they are the truth, from anyone else nothing."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse

from cloudweb import conf
from cloudweb.api import proxies
from tests.builders.identity import ApiClient, client_with

HEADERS = {
    "X_Forwarded_For": "198.51.100.7",
    "X_Forwarded_Host": "cloud.example.org",
    "X_Forwarded_Proto": "https",
}


@pytest.fixture
def _behind_a_proxy(settings: Any) -> None:
    """Django's test client is 127.0.0.1."""
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]


def self_link(answer: Any) -> str:
    return str(answer.json()["versions"][0]["links"][0]["href"])


@pytest.mark.usefixtures("_behind_a_proxy")
def test_links_are_what_the_proxy_was_asked_for() -> None:
    answer = ApiClient().send("GET", "/network", **HEADERS)
    assert self_link(answer) == "https://cloud.example.org/network/v2.0/"
    refused = ApiClient().send("GET", "/network/v2.0/networks", **HEADERS)
    assert refused.headers["WWW-Authenticate"] == (
        'Keystone uri="https://cloud.example.org/identity"'
    )


@pytest.mark.usefixtures("_behind_a_proxy")
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("evil.example, cloud.example.org", "https://cloud.example.org/network/v2.0/"),
        ("cloud.example.org:8443", "https://cloud.example.org:8443/network/v2.0/"),
    ],
)
def test_of_several_hosts_the_nearest_proxys_counts(host: str, expected: str) -> None:
    answer = ApiClient().send("GET", "/network", **{**HEADERS, "X_Forwarded_Host": host})
    assert self_link(answer) == expected


@pytest.mark.usefixtures("_behind_a_proxy")
@pytest.mark.django_db
def test_next_links_too() -> None:
    client = client_with("admin")
    for name in ("a", "b"):
        client.send("POST", "/network/v2.0/networks", {"network": {"name": name}})
    body = client.send("GET", "/network/v2.0/networks?limit=1", **HEADERS).json()
    assert body["networks_links"][0]["href"].startswith(
        "https://cloud.example.org/network/v2.0/networks?"
    )


def test_a_stranger_changes_nothing(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    answer = ApiClient().send("GET", "/network", **HEADERS)
    assert self_link(answer) == "http://testserver/network/v2.0/"


def test_public_url_wins_over_every_header(settings: Any) -> None:
    settings.PUBLIC_URL = "https://public.example"
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    answer = ApiClient().send("GET", "/network", **HEADERS)
    assert self_link(answer) == "https://public.example/network/v2.0/"


def seen_by(peer: str, **headers: str) -> HttpRequest:
    """Return what a view would see."""
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": peer, "HTTP_HOST": "here", **headers}
    seen = []
    proxies.ProxyMiddleware(lambda given: seen.append(given) or HttpResponse())(request)  # type: ignore[func-returns-value]
    return seen[0]


@pytest.mark.usefixtures("_behind_a_proxy")
@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),  # the first is what the client made up
        ("198.51.100.7, 10.1.2.3, 10.1.2.4", "198.51.100.7"),
        ("10.1.2.3", "10.1.2.3"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("198.51.100.7, unknown", "127.0.0.1"),
        ("unknown, 10.1.2.3", "10.1.2.3"),
        ("", "127.0.0.1"),
        (",,,", "127.0.0.1"),
        ("x" * 9000, "127.0.0.1"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy(forwarded: str, client: str) -> None:
    seen = seen_by("127.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert seen.META["REMOTE_ADDR"] == client


@pytest.mark.usefixtures("_behind_a_proxy")
@pytest.mark.parametrize("peer", ["192.0.2.1", "", "::1", "127.0.0.2"])
def test_strangers_headers_are_gone(peer: str) -> None:
    said = dict.fromkeys(proxies.FORWARDED, "1.2.3.4")
    seen = seen_by(peer, **said)
    assert seen.META["REMOTE_ADDR"] == peer
    assert seen.get_host() == "here"
    assert not seen.is_secure()
    assert not set(proxies.FORWARDED) & set(seen.META)


def test_an_ignored_proxy_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "_strangers", set())
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            seen_by("192.0.2.1", HTTP_X_FORWARDED_PROTO="https")
        for number in range(100):
            seen_by(f"198.51.100.{number}", HTTP_X_FORWARDED_PROTO="https")
    assert len(logs) == proxies.MOST_STRANGERS
    assert "TRUSTED_PROXIES" in logs[0]["event"]


def test_nobody_is_trusted_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTED_PROXIES", raising=False)
    assert conf.trusted_proxies() == []


def test_a_wrong_setting_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/24,::1")
    assert len(conf.trusted_proxies()) == 3
    monkeypatch.setenv("TRUSTED_PROXIES", "localhost")
    with pytest.raises(ValueError, match="TRUSTED_PROXIES"):
        conf.trusted_proxies()
