"""Sessions that expired do not stay in the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import PolicyNotAuthorized
from identity.manager import SessionManager

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_expired_sessions_are_forgotten_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("identity.manager.sessions.BATCH", 2)
    past, future = now() - timedelta(seconds=1), now() + timedelta(hours=1)
    Session.objects.bulk_create(
        Session(session_key=f"s{n}", session_data="", expire_date=past if n < 5 else future)
        for n in range(7)
    )
    SessionManager(RequestContext.system()).forget_sessions()
    assert set(Session.objects.values_list("pk", flat=True)) == {"s5", "s6"}


def test_only_the_cloud_forgets_them() -> None:
    with pytest.raises(PolicyNotAuthorized):
        SessionManager(RequestContext(user_id="u", roles=frozenset({"admin"}))).forget_sessions()
