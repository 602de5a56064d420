"""Whoever guesses passwords leaves a count, not a log full of rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from audit import repetitions
from audit.models import Record
from tests.builders.identity import ApiClient, client_of, make_member

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def guess(name: str, *, address: str = "192.0.2.1", password: str = "wrong") -> int:
    who = {"name": name, "domain": {"id": "default"}, "password": password}
    identity = {"methods": ["password"], "password": {"user": who}}
    client = ApiClient()
    client.defaults["REMOTE_ADDR"] = address
    auth = {"auth": {"identity": identity}}
    return int(client.send("POST", "/identity/v3/auth/tokens", auth).status_code)


def kept() -> dict[tuple[str, str], int]:
    rows = Record.objects.filter(outcome="refused")
    found: dict[tuple[str, str], int] = {}
    for name, address, count in rows.values_list("user_name", "remote_address", "count"):
        found[name, address] = found.get((name, address), 0) + count
    assert len(found) == rows.count(), "one record each"
    return found


def test_one_record_for_user_and_address() -> None:
    user = make_member(password="right")
    for _ in range(3):
        guess(user.name)
        guess("nobody")
    guess(user.name, address="192.0.2.2")
    assert kept() == {
        (user.name, "192.0.2.1"): 3,
        ("nobody", "192.0.2.1"): 3,
        (user.name, "192.0.2.2"): 1,
    }
    row = Record.objects.get(user_name=user.name, remote_address="192.0.2.1")
    assert row.last_at is not None
    assert row.last_at > row.created_at
    assert [guess(user.name, password="right") for _ in range(2)] == [201, 201]
    assert Record.objects.filter(outcome="success").count() == 2, "what succeeds is kept apart"


def test_a_window_is_soon_over() -> None:
    guess("nobody")
    guess("nobody")
    with time_machine.travel(timezone.now() + repetitions.WINDOW + timedelta(seconds=1)):
        guess("nobody")
    assert sorted(Record.objects.values_list("count", flat=True)) == [1, 2]


def test_ever_new_names_share_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repetitions, "MOST_NAMES", 3)
    for number in range(10):
        guess(f"nobody-{number}")
    guess("nobody-1")
    assert Record.objects.count() == 4
    assert Record.objects.get(user_name="").count == 7
    assert Record.objects.get(user_name="nobody-1").count == 2
    guess("nobody-11", address="192.0.2.2")
    assert Record.objects.count() == 5


def test_pages_and_passwords_too() -> None:
    user = make_member(password="right")
    own: Any = client_of(user)
    change = {"user": {"original_password": "wrong", "password": "new"}}
    for _ in range(3):
        Client().post("/login", {"username": user.name, "password": "wrong"})
        own.send("POST", f"/identity/v3/users/{user.pk}/password", change)
    rows = Record.objects.filter(outcome="refused").values_list("action", "count")
    assert set(rows) == {("identity:sessions:create", 3), ("identity:user_passwords:change", 3)}


def test_other_refusals_are_kept_each() -> None:
    reader = client_of(make_member("reader"))
    for _ in range(2):
        reader.send("POST", "/identity/v3/projects", {"project": {"name": "x"}})
    assert list(Record.objects.values_list("count", flat=True)) == [1, 1]
