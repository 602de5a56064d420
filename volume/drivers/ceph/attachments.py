"""Who may use which image, on this host's own disk: Ceph knows users and clients, but not why they are there."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cloudweb.files import make_directory, write_atomically
from cloudweb.records import forget, read_record


@dataclass(frozen=True, slots=True)
class Attachment:
    """Which host has a volume, and in which pool that is."""

    pool: str
    host: str


class Attachments:
    """The store, a file for each volume: attachments by their ids."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def open(self) -> None:
        """Make its directory."""
        make_directory(self._directory)

    def volumes(self) -> list[str]:
        """Return the ids of volumes that are attached."""
        return sorted(path.stem for path in self._directory.glob("*.json"))

    def of(self, volume_id: str) -> Mapping[str, Attachment]:
        """Return the attachments of a volume."""
        return read_record(self._path(volume_id), _parse) or {}

    def put(self, volume_id: str, attachment_id: str, attachment: Attachment) -> None:
        """Record an attachment."""
        with self._lock:
            self._write(volume_id, {**self.of(volume_id), attachment_id: attachment})

    def drop(self, volume_id: str, attachment_id: str) -> None:
        """Forget an attachment."""
        with self._lock:
            found = self.of(volume_id)
            self._write(volume_id, {k: one for k, one in found.items() if k != attachment_id})

    def _write(self, volume_id: str, attachments: Mapping[str, Attachment]) -> None:
        if attachments:
            record = {name: asdict(one) for name, one in attachments.items()}
            write_atomically(self._path(volume_id), json.dumps(record))
        else:
            forget(self._path(volume_id))

    def _path(self, volume_id: str) -> Path:
        return self._directory / f"{volume_id}.json"


def _parse(record: dict[str, Any]) -> Mapping[str, Attachment]:
    return {name: Attachment(**one) for name, one in record.items()}
