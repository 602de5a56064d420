"""What a database is told at the start of each connection."""

from __future__ import annotations

import pytest

from cloudweb.settings.control import database


def test_postgresql_takes_a_transaction_from_who_was_stopped_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://cloudweb@localhost/cloudweb")
    assert "idle_in_transaction_session_timeout=30s" in database("")["OPTIONS"]["options"]
    own = "postgresql://cloudweb@localhost/cloudweb?options=-c%20search_path=mine"
    monkeypatch.setenv("DATABASE_URL", own)
    assert database("")["OPTIONS"]["options"] == "-c search_path=mine"
