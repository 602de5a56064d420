"""Backups without a cloud: a store in memory, a volume in memory, a lineage to play with."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO
from unittest.mock import patch

import httpx
from django.test import Client

from cloudweb.image_sending import send
from cloudweb.stores.base import Incoming, Store
from cloudweb.stores.configured import default_store
from volume.backups.client import BackupClient
from volume.backups.manifest import Manifest
from volume.backups.repository import Repository
from volume.backups.restoring import restore
from volume.backups.sealing import Sealer
from volume.backups.taking import Chunk, Taken, Wanted, take
from volume.models import Backup, BackupLineage, Volume
from volume.states import BackupStatus


class OwnChunks:
    """What a backup that is taken without a host writes to."""

    def __init__(self, repository: Repository, backup_id: str) -> None:
        self._repository, self._id = repository, backup_id

    def known(self) -> Collection[bytes]:
        """Return what an earlier attempt stored."""
        return set(self._repository.digests(self._id))

    def put(self, chunks: Sequence[Chunk]) -> None:
        """Store chunks."""
        self._repository.put(self._id, chunks)


class MemoryStore(Store):
    """A store in a dictionary."""

    kind = "memory"

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def receive(self, key: str, *, expected: int | None) -> Incoming:
        raise NotImplementedError

    def put(self, key: str, data: bytes) -> None:
        self.held[key] = data

    def open(self, key: str) -> BinaryIO:
        if key not in self.held:
            raise FileNotFoundError(key)
        return io.BytesIO(self.held[key])

    def delete(self, key: str) -> None:
        self.held.pop(key, None)

    def keys(self, prefix: str) -> Iterator[str]:
        yield from [key for key in self.held if key.startswith(prefix)]

    def inside(self, folder: str) -> Store:
        raise NotImplementedError

    def reap(self, keep: Callable[[str], bool], *, older_than: timedelta) -> list[str]:
        raise NotImplementedError

    def url(self, key: str) -> str:
        return f"memory:{key}"

    def facts(self) -> Mapping[str, str]:
        return {}


class MemoryVolume:
    """A volume of bytes: source and target."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])

    def data_after(self, offset: int) -> int:
        left = self.data[offset:]
        return offset + len(left) - len(left.lstrip(b"\0"))

    def write(self, offset: int, data: bytes) -> None:
        self.data[offset : offset + len(data)] = data

    def zero(self, offset: int, length: int) -> None:
        self.write(offset, bytes(length))


class Lineage:
    """A lineage in a store, whose backups are taken here."""

    def __init__(self, *, block: int, key: bytes | None = None, store: Any = None) -> None:
        self.block, self.key = block, key
        self.store = MemoryStore() if store is None else store
        self.volume_id = str(uuid.uuid4())
        self.repository = Repository(self.store, str(uuid.uuid4()))

    def sealer(self) -> Sealer:
        return Sealer(key=self.key)

    def wanted(self, parent: Manifest | None = None) -> Wanted:
        return Wanted(
            id=str(uuid.uuid4()),
            lineage=self.repository.lineage,
            volume_id=self.volume_id,
            created_at="2026-01-01T00:00:00Z",
            block_size=self.block,
            parent=parent,
        )

    def take(self, data: bytes, parent: Manifest | None = None) -> tuple[Manifest, Taken]:
        wanted = self.wanted(parent)
        sink = OwnChunks(self.repository, wanted.id)
        manifest, taken = take(wanted, MemoryVolume(data), sink, self.sealer())
        self.repository.write_manifest(manifest)
        return manifest, taken

    def restored(self, manifest: Manifest, *, over: bytes = b"") -> bytes:
        target = MemoryVolume(over or bytes(manifest.header.size))
        restore(manifest, self.repository, target, self.sealer())
        return bytes(target.data)


def make_backup(volume: Volume, **overrides: Any) -> Backup:
    """A row of a backup that is available; there is nothing in its store."""
    lineage = overrides.pop("lineage", None) or BackupLineage.objects.create(
        store=default_store(), block_size=1024**2
    )
    facts: dict[str, Any] = {
        "project_id": volume.project_id,
        "user_id": volume.user_id,
        "name": "a backup",
        "volume_id": volume.id,
        "size": volume.size,
        "status": BackupStatus.AVAILABLE,
        "sha256": "0" * 64,
        "content": "0" * 64,
    }
    return Backup.objects.create(lineage=lineage, **{**facts, **overrides})


class ApiInProcess(httpx.BaseTransport):
    """Answers what a host asks of the API in the same thread, over the same database connection."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._client = Client(raise_request_exception=False)  # its middleware is loaded once

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        answer = self._client.generic(
            request.method,
            request.url.raw_path.decode(),
            request.read(),
            content_type=_type_of(request),
            headers={name: text for name, text in request.headers.items() if "digest" in name},
        )
        return httpx.Response(answer.status_code, content=answer.content)


def _type_of(request: httpx.Request) -> str:
    """Return the type of a body; the server gives views large ones of one type alone."""
    kind = request.headers.get("Content-Type", "")
    assert kind == "application/octet-stream" or request.method != "PUT"
    return kind or "application/octet-stream"


@contextmanager
def api_in_process() -> Iterator[ApiInProcess]:
    """Let hosts reach the API without a server."""
    transport = ApiInProcess()
    connect = partial(BackupClient, transport=transport)
    bring = partial(send, transport=transport)
    with (
        patch("volume.backups.on_host.BackupClient", connect),
        patch("volume.uploads.on_host.send", bring),
        patch("compute.snapshots.on_host.send", bring),
    ):
        yield transport
