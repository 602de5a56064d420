"""What belongs to a row that was just written, known without reading it again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model


def know(row: Model, **belongings: Iterable[Model]) -> None:
    """Let these be what ``row`` has by each of these names, as if they had been prefetched.

    Keys that the database gave stay unknown.
    """
    held: dict[str, Any] = row.__dict__.setdefault("_prefetched_objects_cache", {})
    for name, rows in belongings.items():
        found = getattr(row, name).all()
        found._result_cache, found._prefetch_done = [*rows], True  # noqa: SLF001 - as Django's own prefetching
        held[name] = found
