"""Times that clients write."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudweb.exceptions import InvalidInput
from cloudweb.times import parse_moment

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00 00:00", JANUARY),  # a plus that was not encoded
        ("2026-01-01T02:30:00 0230", JANUARY),
        ("2026-01-01 00:00:00", JANUARY),
        ("2025-12-31T19:00:00-05:00", JANUARY),
        ("2026-01-01T00:00:00.000000", JANUARY),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert parse_moment(text, field="f") == expected


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert parse_moment(text, field="f").tzinfo is UTC
