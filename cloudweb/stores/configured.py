"""The stores that the settings name, each made from what they say."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from django.conf import settings

from cloudweb.exceptions import BadRequest
from cloudweb.stores.base import Store
from cloudweb.stores.directory import DirectoryStore

#: The store of an installation that names none (IMAGE_STORE: a directory).
DEFAULT_STORE = "default"


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
    from cloudweb.stores.s3 import S3Settings, S3Store

    known = {name: value for name, value in values if name not in ("kind", "description")}
    return S3Store(S3Settings(**known))


def is_remote(store_id: str) -> bool:
    """Tell whether reading a store goes over the network, so that a cached copy saves something."""
    return settings.IMAGE_STORES.get(store_id, {}).get("kind", "file") != "file"


def ordered(names: Iterable[str]) -> list[str]:
    """Return these names in the order of the settings; those that are no longer set come last."""
    wanted, known = list(names), store_ids()
    return [name for name in known if name in wanted] + [
        name for name in wanted if name not in known
    ]


class UnknownStore(BadRequest):
    """A request names a store that this cloud does not have."""

    code = "unknown_image_store"

    def __init__(self, store_id: str) -> None:
        super().__init__(
            f"There is no image store {store_id[:80]!r}; there are: {', '.join(store_ids())}."
        )
