"""Requests that are too long, too deep or too full: a clear 4xx in each service's envelope."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cloudweb.api.middleware import MAX_URL
from cloudweb.api.rendering import MAX_DEPTH, MAX_MEMBERS
from tests.builders.identity import ApiClient, client_with
from tests.functional.test_envelopes import LISTS, SERVICES, check

pytestmark = pytest.mark.django_db


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """A service."""
    return str(request.param)


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def test_a_long_url_is_a_414(service: str, admin: ApiClient) -> None:
    """Network's clients then ask in several parts; a page of ids by ``id=in:`` fits."""
    base = f"{LISTS[service]}?name="
    fits = base + "x" * (MAX_URL - len(base))
    assert admin.send("GET", fits).status_code == 200
    assert "too long" in check(service, admin.send("GET", f"{fits}x"), 414)


def nested(depth: int) -> bytes:
    return b'{"x":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.parametrize("body", [nested(MAX_DEPTH + 1), nested(900), b"[" * 500 + b"]" * 500])
def test_a_deep_body_is_a_400(service: str, admin: ApiClient, body: bytes) -> None:
    answer = admin.send("POST", LISTS[service], body)
    assert f"deeper than {MAX_DEPTH}" in check(service, answer, 400)


def test_a_body_as_deep_as_allowed_is_read(service: str, admin: ApiClient) -> None:
    """It is refused for what it says."""
    message = check(service, admin.send("POST", LISTS[service], nested(MAX_DEPTH)), 400)
    assert "deeper" not in message


@pytest.mark.parametrize(
    "body",
    [
        b"{%s}" % b",".join(b'"k%d":0' % number for number in range(MAX_MEMBERS + 1)),
        b'{"x":[%s]}' % b",".join([b"0"] * (MAX_MEMBERS + 1)),
    ],
)
def test_a_full_body_is_a_400(service: str, admin: ApiClient, body: bytes) -> None:
    answer = admin.send("POST", LISTS[service], body)
    assert f"more than {MAX_MEMBERS}" in check(service, answer, 400)


def test_text_that_looks_deep_is_text(admin: ApiClient) -> None:
    """Brackets and commas inside a string nest nothing."""
    text = "[{," * 60
    body = orjson.dumps({"project": {"name": "odd", "description": text}})
    assert admin.send("POST", LISTS["identity"], body).json()["project"]["description"] == text


def test_many_parameters_are_a_400(service: str, admin: ApiClient) -> None:
    query = "&".join(["x=1"] * 1001)
    answer = admin.send("GET", f"{LISTS[service]}?{query}")
    assert "too many parameters" in check(service, answer, 400)


def test_browsers_get_a_page(admin: ApiClient) -> None:
    """Outside the services Django's own limits hold."""
    answer: Any = admin.send("GET", "/login?" + "&".join(["x=1"] * 1001))
    assert answer.status_code == 400
