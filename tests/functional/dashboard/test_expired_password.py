"""Somebody whose password expired chooses a new one in the browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client

from cloudweb.settings.passwords import password_validators
from tests.builders.browsers import text_of
from tests.builders.identity import make_member

pytestmark = pytest.mark.django_db
PAGE = "/login/expired"


def test_from_the_log_in_to_the_log_in(settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = password_validators(minimum_length=8)
    user = make_member(password="old", password_expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    client: Any = Client()
    refused = client.post("/login", {"username": user.name, "password": "old"})
    assert "has expired" in text_of(refused)
    assert f'href="{PAGE}"' in refused.content.decode()
    wrong = client.post("/login", {"username": user.name, "password": "wrong"})
    assert "expired" not in text_of(wrong), "strangers learn nothing"
    assert "Choose a new password" in text_of(client.get(PAGE))
    body = {
        "username": user.name,
        "old_password": "old",
        "new_password1": "a new one",
        "new_password2": "a new one",
    }
    for changes, said in (
        ({"old_password": "wrong"}, "do not belong together"),
        ({"username": "nobody"}, "do not belong together"),
        ({"domain": "nowhere"}, "do not belong together"),
        ({"new_password2": "another"}, "not the same"),
        ({"new_password1": "short", "new_password2": "short"}, "at least 8 characters"),
        ({"new_password1": ""}, "required"),
    ):
        assert said in text_of(client.post(PAGE, {**body, **changes}))
    assert client.post(PAGE, body).url == "/login"
    assert authenticate(username=user.name, password="a new one") == user
    assert client.post("/login", {"username": user.name, "password": "a new one"}).url == "/"
