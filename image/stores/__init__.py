"""Where image data is kept: the stores that the settings name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from cloudweb.exceptions import BadRequest
from image.stores.base import Store
from image.stores.directory import DirectoryStore

#: The store of an installation that names none (IMAGE_STORE: a directory).
DEFAULT_STORE = "default"


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """A store as clients see it."""

    id: str
    kind: str
    description: str
    is_default: bool


def store_ids() -> list[str]:
    """Return the names of all stores; the first takes data when nobody names another."""
    return list(settings.IMAGE_STORES) or [DEFAULT_STORE]


def default_store() -> str:
    """Return the name of the store that takes data when nobody names another."""
    return store_ids()[0]


def store(store_id: str) -> Store:
    """Return a store; raise UnknownStore."""
    values = settings.IMAGE_STORES.get(store_id)
    if values is None:
        if settings.IMAGE_STORES or store_id != DEFAULT_STORE:
            raise UnknownStore(store_id)
        return DirectoryStore(Path(settings.IMAGE_STORE))
    if values["kind"] == "file":
        return DirectoryStore(Path(values["path"]))
    return _s3(tuple(sorted(values.items())))


@cache
def _s3(values: tuple[tuple[str, str], ...]) -> Store:
    """Make an S3 store once for each process: its client holds connections and much memory."""
    from image.stores.s3 import S3Settings, S3Store

    known = {name: value for name, value in values if name not in ("kind", "description")}
    return S3Store(S3Settings(**known))


def is_remote(store_id: str) -> bool:
    """Tell whether reading a store goes over the network, so that a cached copy saves something."""
    return settings.IMAGE_STORES.get(store_id, {}).get("kind", "file") != "file"


def infos() -> list[StoreInfo]:
    """Return all stores for clients, the default first."""
    found = []
    for place, store_id in enumerate(store_ids()):
        values = settings.IMAGE_STORES.get(store_id, {})
        kind, description = values.get("kind", "file"), values.get("description", "")
        found.append(StoreInfo(store_id, kind, description, is_default=place == 0))
    return found


def ordered(names: Iterable[str]) -> list[str]:
    """Return these names in the order of the settings; those that are no longer set come last."""
    wanted, known = list(names), store_ids()
    return [name for name in known if name in wanted] + [
        name for name in wanted if name not in known
    ]


def staging() -> DirectoryStore:
    """Return where data waits that is not an image yet (IMAGE_STAGING)."""
    return DirectoryStore(Path(settings.IMAGE_STAGING))


class UnknownStore(BadRequest):
    """A request names a store that this cloud does not have."""

    code = "unknown_image_store"

    def __init__(self, store_id: str) -> None:
        super().__init__(
            f"There is no image store {store_id[:80]!r}; there are: {', '.join(store_ids())}."
        )
