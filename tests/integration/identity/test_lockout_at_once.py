"""Failures at the same time are all counted, and none after the one that locks."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from identity import lockout
from identity.models import User
from tests.builders.identity import make_user
from tests.infrastructure import PATIENCE

pytestmark = pytest.mark.both_databases


@pytest.mark.django_db(transaction=True)
def test_failures_at_once(settings: Any) -> None:
    settings.LOCKOUT_FAILURES = 8
    settings.LOCKOUT_SECONDS = 600
    user = make_user(password="right")
    start = threading.Barrier(6)
    seen: list[int] = []

    def fail() -> None:
        try:
            start.wait(PATIENCE)
            for _ in range(2):
                lockout.admits(user, right=False)
            seen.append(1)
        finally:
            connection.close()

    for expected in (0, 6):  # of six threads with two each, the first eight count
        User.objects.filter(pk=user.pk).update(failed_logins=expected)
        threads = [threading.Thread(target=fail) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        user.refresh_from_db()
        assert (len(seen), user.failed_logins) == (6, 8)
        assert not lockout.admits(user, right=True)
        seen.clear()
