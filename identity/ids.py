"""Identity's ids: 32 hex digits without dashes (contract 1.6)."""

from __future__ import annotations

import re
import uuid

_DASHED = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)


def new_id() -> str:
    """Return a fresh id."""
    return uuid.uuid4().hex


def undashed(given: str) -> str:
    """Return an id as it is stored; clients may write a UUID with dashes."""
    return given.replace("-", "").lower() if _DASHED.match(given) else given
