"""Errors that no view raises: each service answers in its own envelope (contract 1.2)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from tests.builders.identity import ApiClient, client_with

pytestmark = pytest.mark.django_db
SERVICES = ("identity", "compute", "network", "volume", "image")
#: A list that every service has, and a route that does not exist.
LISTS = {
    "identity": "/identity/v3/projects",
    "compute": "/compute/v2.1/flavors",
    "network": "/network/v2.0/networks",
    "volume": "/volume/v3/volumes",
    "image": "/image/v2/images",
}
FAULTS = {400: "badRequest", 404: "itemNotFound", 405: "badMethod", 413: "overLimit", 414: "computeFault",
          500: "computeFault", 503: "serviceUnavailable"}  # fmt: skip


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """A service."""
    return str(request.param)


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def check(service: str, answer: Any, status: int) -> str:
    """Fail unless the answer is an error as this service's clients expect it; return its text."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-OpenStack-Request-Id"].startswith("req-")
    body = answer.json()
    if service == "compute":
        assert answer.headers["X-Compute-Request-Id"] == answer.headers["X-OpenStack-Request-Id"]
        assert body.keys() == {FAULTS[status]}
        fault = body[FAULTS[status]]
        assert fault["code"] == status
        return str(fault["message"])
    if service in ("volume", "database"):
        (fault,) = body.values()
        assert body.keys() == {FAULTS[status]}
        assert fault["code"] == status
        return str(fault["message"])
    if service == "network":
        assert body.keys() == {"NeutronError"}
        assert body["NeutronError"].keys() == {"type", "message", "detail"}
        return str(body["NeutronError"]["message"])
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "title"}
    assert body["error"]["code"] == status
    return str(body["error"]["message"])


@pytest.mark.parametrize("path", ["/no/such/route", "/v99", "/%2e%2e/admin", "/é/\u2028"])
def test_unknown_route(service: str, admin: ApiClient, path: str) -> None:
    """404, with a token and without, with a slash and without."""
    for client in (admin, ApiClient()):
        for end in ("", "/"):
            check(service, client.send("GET", f"/{service}{path}{end}"), 404)


def test_wrong_method(service: str, admin: ApiClient) -> None:
    """405."""
    check(service, admin.send("DELETE", LISTS[service]), 405)


def test_no_token(service: str) -> None:
    """401 is the same everywhere: the middleware's envelope, and where to log in."""
    for client in (ApiClient(), ApiClient("nonsense"), ApiClient("x" * 9000)):
        answer = client.send("GET", LISTS[service])
        check("identity", answer, 401)
        assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://testserver/identity"'


@pytest.mark.parametrize(
    "body", [b"{", b'{"a": NaN}', b"\xff\xfe\x00", b'"\\ud800"', b"[" * 100_000, b"null", b"5"]
)
def test_malformed_json(service: str, admin: ApiClient, body: bytes) -> None:
    """400, whatever is wrong with it."""
    answer = admin.generic("POST", LISTS[service], body, content_type="application/json")
    check(service, answer, 400)


def test_endless_body(service: str, admin: ApiClient) -> None:
    """413."""
    body = b'{"x": "' + b"y" * 1_100_000 + b'"}'
    answer = admin.generic("POST", LISTS[service], body, content_type="application/json")
    check(service, answer, 413)


@pytest.mark.parametrize("host", ["two words", "a_b\\c", "[::1", "x:y:z", "<script>"])
def test_broken_host_header(service: str, host: str, admin: ApiClient) -> None:
    """400 or, where nothing needs the host, the answer; never a 500 and never HTML."""
    for client in (admin, ApiClient()):
        answer = client.send("GET", LISTS[service], Host=host)
        assert answer.status_code in (200, 400, 401)
        assert answer.headers["Content-Type"] == "application/json"


def test_null_characters(service: str, admin: ApiClient) -> None:
    """No name or id holds one, and PostgreSQL takes none."""
    assert admin.send("GET", f"{LISTS[service]}/a%00b").status_code in (400, 404)
    assert admin.send("GET", f"{LISTS[service]}?name=a%00b").status_code == 400


@pytest.fixture
def _broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise request.param

    monkeypatch.setattr("cloudweb.api.views.ServiceViewSet.initial", fail)


@pytest.mark.parametrize("_broken", [RuntimeError("secret")], indirect=True)
@pytest.mark.usefixtures("_broken")
def test_bug(service: str, admin: ApiClient) -> None:
    """500 that says nothing of the inside."""
    answer = admin.send("GET", LISTS[service])
    assert "secret" not in check(service, answer, 500)


@pytest.mark.parametrize("_broken", [OperationalError("server closed")], indirect=True)
@pytest.mark.usefixtures("_broken")
def test_database_down(service: str, admin: ApiClient) -> None:
    """503 with Retry-After, in every service."""
    answer = admin.send("GET", LISTS[service])
    assert "server closed" not in check(service, answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


def test_odd_accept_headers_get_json(service: str, admin: ApiClient) -> None:
    """Clients send anything; none of them holds a session."""
    for accept in ("*/*", "text/html", "application/xml", "nonsense", ""):
        answer = admin.send("GET", LISTS[service], Accept=accept)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json"
        query = admin.send("GET", f"{LISTS[service]}?format=xml")
        assert query.headers["Content-Type"] == "application/json"


def test_request_ids_are_ours_and_differ(admin: ApiClient) -> None:
    """A client's own id is logged, never echoed."""
    given = "req-" + "0" * 36
    answers = [
        admin.send("GET", "/identity", X_OpenStack_Request_Id=given).headers[
            "X-OpenStack-Request-Id"
        ]
        for _ in range(2)
    ]
    assert len({*answers, given}) == 3


@pytest.mark.parametrize(("value", "status"), [("2.x", 400), ("2.97", 406), ("2.0", 406)])
def test_microversion_errors(admin: ApiClient, value: str, status: int) -> None:
    """In compute's envelope, with the version headers all the same."""
    answer = admin.send("GET", LISTS["compute"], OpenStack_API_Version=f"compute {value}")
    assert answer.status_code == status
    fault = {400: "badRequest", 406: "computeFault"}[status]
    assert answer.json()[fault]["code"] == status
    assert answer.headers["OpenStack-API-Version"] == "compute 2.1"
    assert "X-OpenStack-Nova-API-Version" in answer.headers["Vary"]


def test_microversion_is_echoed(admin: ApiClient) -> None:
    """Both headers, whichever was sent."""
    for name in ("OpenStack_API_Version", "X_OpenStack_Nova_API_Version"):
        value = "compute 2.61" if name.startswith("Open") else "2.61"
        answer = admin.send("GET", LISTS["compute"], **{name: value})
        assert answer.headers["OpenStack-API-Version"] == "compute 2.61"
        assert answer.headers["X-OpenStack-Nova-API-Version"] == "2.61"
