"""Which page a request asks for, and where the next one is."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from cloudweb.api.pagination import next_link, parse_limit
from cloudweb.exceptions import BadRequest
from cloudweb.listing import MAX_LIMIT


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, 20), ("", 20), ("5", 5), ("999999999999999999999", MAX_LIMIT), ("0", 0)],
)
def test_limits(value: str | None, expected: int) -> None:
    """Too large is cut silently; 0 is an empty page."""
    assert parse_limit(value, default=20) == expected


@pytest.mark.parametrize("value", ["-1", "ten", "1.5", " 1", "\u0661", "1e3", "0x10"])
def test_bad_limits(value: str) -> None:
    """Anything but a natural number is a 400."""
    with pytest.raises(BadRequest):
        parse_limit(value)


def test_next_link_keeps_the_query() -> None:
    """Repeated keys too; an older marker is replaced."""
    request = RequestFactory().get("/image/v2/images?tag=a&tag=b%26c&marker=old&limit=2")
    assert next_link(request, marker="new") == (
        "http://testserver/image/v2/images?tag=a&tag=b%26c&marker=new&limit=2"
    )
