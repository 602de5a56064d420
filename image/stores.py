"""Where image data is kept: the stores that the settings name, as clients see them, and the staging area."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from cloudweb.stores.configured import store_ids
from cloudweb.stores.directory import DirectoryStore


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """A store as clients see it."""

    id: str
    kind: str
    description: str
    is_default: bool


def infos() -> list[StoreInfo]:
    """Return all stores for clients, the default first."""
    found = []
    for place, store_id in enumerate(store_ids()):
        values = settings.IMAGE_STORES.get(store_id, {})
        kind, description = values.get("kind", "file"), values.get("description", "")
        found.append(StoreInfo(store_id, kind, description, is_default=place == 0))
    return found


def staging() -> DirectoryStore:
    """Return where data waits that is not an image yet (IMAGE_STAGING)."""
    return DirectoryStore(Path(settings.IMAGE_STAGING))
