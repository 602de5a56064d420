"""Ids that somebody wrote."""

from __future__ import annotations

import uuid


def as_uuid(value: str) -> uuid.UUID | None:
    """Return a UUID, or None for text that is none (a name: the caller answers 404)."""
    try:
        return uuid.UUID(value)
    except ValueError:
        return None
