"""A name that is not ours gets into no link: the host of a request is its own address, or an operator said so."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.test import Client

from cloudweb import process
from tests.functional.test_envelopes import LISTS, check
from tests.infrastructure import ROOT, scratch

pytestmark = pytest.mark.django_db
EVIL = "evil.example"
#: What a client may type who reaches 192.0.2.7 port 8000.
HOSTS = {
    "192.0.2.7:8000": True,
    "localhost:9000": True,  # through a tunnel
    "127.0.0.1:8000": True,
    "[::1]:8000": True,
    "192.0.2.7": False,
    "192.0.2.7:81": False,
    "192.0.2.8:8000": False,
    EVIL: False,
    f"{EVIL}:8000": False,
    "localhost.evil.example": False,
    "127.0.0.1.evil.example:8000": False,
    "192.0.2.7:8000@evil.example": False,
    "127.0.0.1, evil.example": False,
    "[::1": False,
    "": False,
}


class There(Client):
    """A client of the API at 192.0.2.7 port 8000."""

    def ask(self, path: str, host: str | None = None, **more: Any) -> Any:
        headers = {} if host is None else {"Host": host}
        came_to = {"SERVER_NAME": "192.0.2.7", "SERVER_PORT": "8000", **more}
        return self.get(path, headers=headers, **came_to)


@pytest.fixture
def client(settings: Any) -> There:
    """A client of an API without PUBLIC_URL and ALLOWED_HOSTS."""
    settings.HOSTS_BY_ADDRESS, settings.PUBLIC_URL = True, ""
    return There()


def test_only_own_names_are_answered(client: There) -> None:
    found = {}
    for host in HOSTS:
        answer = client.ask("/identity/v3", host)
        found[host] = answer.status_code == 200
        assert found[host] or (answer.status_code == 400 and EVIL not in answer.text), host
        if found[host]:
            assert answer.json()["version"]["links"][0]["href"] == f"http://{host}/identity/v3/"
    assert found == HOSTS


def test_without_a_host_links_lead_to_the_address(client: There) -> None:
    link = client.ask("/identity/v3").json()["version"]["links"][0]["href"]
    assert link == "http://192.0.2.7:8000/identity/v3/"


def test_an_address_of_ipv4_in_ipv6_is_one(client: There) -> None:
    answer = client.ask("/identity/v3", "192.0.2.7:8000", SERVER_NAME="::ffff:192.0.2.7")
    assert answer.status_code == 200


@pytest.mark.parametrize("service", LISTS)
def test_each_service_says_so_in_its_envelope(client: There, service: str) -> None:
    answer = client.ask(LISTS[service], EVIL)
    assert "PUBLIC_URL" in check(service, answer, 400)
    assert "WWW-Authenticate" not in answer.headers


def test_pages_say_so_and_probes_need_no_name(client: There) -> None:
    found = {
        path: client.ask(path, EVIL).status_code
        for path in ("/", "/login", "/admin/", "/api/schema/", "/readyz", "/metadata")
    }
    assert (found.pop("/readyz"), found.pop("/metadata")) != (400, 400)
    assert set(found.values()) == {400}


@pytest.mark.parametrize(
    ("given", "checked", "allowed"),
    [
        ({}, True, ["*"]),
        ({"PUBLIC_URL": "https://cloud.example"}, False, ["*"]),
        ({"ALLOWED_HOSTS": "cloud.example"}, False, ["cloud.example"]),
    ],
)
def test_an_operator_says_which_names_count(
    given: dict[str, str], checked: bool, allowed: list[str]
) -> None:
    words = (
        "from cloudweb.settings import security as s; print(s.HOSTS_BY_ADDRESS, s.ALLOWED_HOSTS)"
    )
    with scratch("settings") as var:
        environment = {"CLOUDWEB_VAR": str(var), "PUBLIC_URL": "", "ALLOWED_HOSTS": "", **given}
        said = process.run(sys.executable, "-c", words, env=environment, cwd=ROOT).text
    assert said.strip() == f"{checked} {allowed}"
