"""What goes wrong behind a page is a page, too: never a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from instances.manager import InstanceManager
from operations.asking import HostDidNotAnswer
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> Client:
    return browser_of(make_member("member", password=PASSWORD))


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let every list of servers fail."""

    def fail(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(InstanceManager, "list", fail)


def test_unknown_addresses(member: Client) -> None:
    for client in (member, Client()):
        answer = client.get("/nothing/here")
        assert answer.status_code == 404
        assert "There is nothing here" in text_of(answer)
    assert member.get("/servers/not-a-uuid").status_code == 404
    assert member.get("/servers?after=nonsense").status_code == 400


def test_a_lost_database(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, OperationalError("the disk is on fire"))
    answer = member.get("/servers")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Back in a moment" in text_of(answer)
    assert "on fire" not in text_of(answer)


def test_a_host_that_is_away(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, HostDidNotAnswer())
    assert member.get("/servers").status_code == 503
    live = member.get("/servers", headers={"HX-Request": "true"})
    assert (live.status_code, live.content) == (503, b"")
    assert "HX-Trigger" not in live.headers


def test_a_bug(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("secret"))
    answer = member.get("/servers")
    assert answer.status_code == 500
    assert "Something broke" in text_of(answer)
    assert "secret" not in text_of(answer)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_no_page_is_without_its_navigation(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is logged in finds his way on; a stranger is shown no ways that he does not have."""

    def ways(answer: Any) -> tuple[int, bool, bool]:
        page = answer.content.decode()
        return answer.status_code, 'href="/servers"' in page, "Log out" in page

    checking = Client(enforce_csrf_checks=True, raise_request_exception=False)
    checking.cookies = member.cookies
    found = {
        "404": ways(member.get("/nothing/here")),
        "404 of a view": ways(member.get(f"/servers/{'0' * 8}-0000-4000-8000-{'0' * 12}")),
        "403": ways(browser_of(make_member("reader", password=PASSWORD)).get("/servers/launch")),
        "csrf": ways(checking.post("/key-pairs/new", {"name": "x"})),
        "400": ways(member.get("/servers?after=nonsense")),
        "stranger": ways(Client().get("/nothing/here")),
        "a session that is over": ways(Client(headers={"Cookie": "sessionid=x"}).get("/nothing")),
    }
    failing(monkeypatch, OperationalError("gone"))
    found["503"] = ways(member.get("/servers"))
    failing(monkeypatch, ZeroDivisionError())
    found["500"] = ways(member.get("/servers"))
    assert found == {
        "404": (404, True, True), "404 of a view": (404, True, True), "403": (403, True, True),
        "csrf": (403, True, True), "400": (400, True, True),
        "stranger": (404, False, False), "a session that is over": (404, False, False),
        "503": (503, True, False), "500": (500, True, False),
    }  # fmt: skip


def test_a_lost_database_loses_no_error_page(
    member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr("dashboard.views.frame.context_of", fail)
    answer = member.get("/nothing/here")
    assert (answer.status_code, 'href="/servers"' in answer.content.decode()) == (404, True)
