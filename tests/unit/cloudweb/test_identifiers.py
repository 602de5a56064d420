"""Ids: what is one."""

from __future__ import annotations

import uuid

from cloudweb.identifiers import as_uuid


def test_uuid_or_a_name() -> None:
    """Text that is no UUID is a name: the caller answers 404, not 400."""
    known = uuid.uuid4()
    assert as_uuid(str(known)) == as_uuid(known.hex) == known
    for text in ("", "web-1", "g" * 32, "\0", "1" * 33):
        assert as_uuid(text) is None
