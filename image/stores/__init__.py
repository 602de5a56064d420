"""Where image data is kept."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from image.stores.base import Store
from image.stores.directory import DirectoryStore

#: The store that takes data when nobody names another.
DEFAULT_STORE = "default"


def current_store() -> Store:
    """Return the store that the settings name (IMAGE_STORE: a directory)."""
    return DirectoryStore(Path(settings.IMAGE_STORE))
