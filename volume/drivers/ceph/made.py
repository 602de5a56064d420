"""What this host made in a cluster that it shares with others, on its own disk.

``<directory>/<volume id>.json`` holds the pool of a volume and, while it is made of another one, the image
of that, on which there may be a passing snapshot, and the draft that becomes the volume where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from cloudweb.driver import Unguarded
from cloudweb.files import make_directory, write_atomically
from cloudweb.records import forget, read_record
from volume.drivers.ceph.images import Images

#: A snapshot that is there while a volume is made of another one.
PASSING = "copy-"


class Made:
    """The records of volumes; callers hold the volume's lock."""

    def __init__(self, directory: Path, images: Images) -> None:
        self._directory, self._images = directory, images

    def open(self) -> None:
        """Make the directory."""
        make_directory(self._directory)

    def begin(self, volume_id: str, pool: str, *, parent: str = "", draft: str = "") -> None:
        """Record a volume before there is anything of it; ``draft`` is the image that becomes it."""
        record = json.dumps({"pool": pool, "parent": parent, "draft": draft})
        write_atomically(self._path(volume_id), record)

    def passing(self, volume_id: str) -> str:
        """Return how the snapshot is called that a volume is made of."""
        return f"{PASSING}{volume_id}"

    def end_passing(self, volume_id: str) -> None:
        """Take the passing snapshot and a draft away: the volume is there, or shall not be."""
        record = read_record(self._path(volume_id), dict) or {}
        parent, draft = record.get("parent"), record.get("draft")
        if draft:
            self._images.remove(draft, work=Unguarded())
        if parent:
            self._images.drop(parent, self.passing(volume_id))
        if parent or draft:
            self.begin(volume_id, record["pool"])

    def forget(self, volume_id: str) -> None:
        """Forget a volume of which there is nothing any more."""
        forget(self._path(volume_id))

    def volumes(self) -> Iterator[tuple[str, str]]:
        """Yield ids and pools of the volumes."""
        for path in sorted(self._directory.glob("*.json")):
            record = read_record(path, dict) or {}
            yield path.stem, str(record.get("pool", ""))

    def _path(self, volume_id: str) -> Path:
        return self._directory / f"{volume_id}.json"
