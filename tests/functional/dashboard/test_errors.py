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
    live = member.get("/servers/rows", headers={"HX-Request": "true"})
    assert (live.status_code, live.content) == (503, b"")
    assert "HX-Trigger" not in live.headers


def test_a_bug(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("secret"))
    answer = member.get("/servers")
    assert answer.status_code == 500
    assert "Something broke" in text_of(answer)
    assert "secret" not in text_of(answer)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
