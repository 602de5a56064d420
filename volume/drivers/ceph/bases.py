"""Images of the cloud's own store inside Ceph, once in each pool: volumes are cloned from them."""

from __future__ import annotations

import errno
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cloudweb.driver import Unguarded, Work
from cloudweb.image_cache.source import ImageSource
from volume.drivers.ceph.cluster import Refused, accepting
from volume.drivers.ceph.images import Images

PREFIX, SNAPSHOT = "image-", "base"
#: One that no volume is made of any more stays for so long, for the next.
KEPT = timedelta(days=2)


class Bases:
    """One that is called ``image-<id>`` is whole and has its snapshot; before, it is a host's draft."""

    def __init__(self, images: Images, host: str) -> None:
        self._images = images
        self._drafts = f"draft-{host}-"
        self._bringing = threading.Lock()

    def clone(self, pool: str, source: ImageSource, file: Path, target: str, *, work: Work) -> None:
        """Make an image that shares what a file holds; it is brought into Ceph at its first use."""
        base = f"{pool}/{PREFIX}{source.id}"
        for last in (False, True):
            with self._bringing:
                if SNAPSHOT not in self._images.snapshots(base):
                    self._bring(pool, source, file, work)
            work.checkpoint()
            try:
                self._images.clone(base, SNAPSHOT, target)
            except Refused as error:
                if error.errno != errno.ENOENT or last:
                    raise
                continue  # it was tidied away since we looked
            return

    def _bring(self, pool: str, source: ImageSource, file: Path, work: Work) -> None:
        draft = f"{pool}/{self._drafts}{source.id}"
        self._images.remove(draft, work=work)  # of one who died over it
        work.checkpoint()
        self._images.create(draft, source.virtual_size)
        self._images.fill(draft, str(file), source.disk_format)
        self._images.take(draft, SNAPSHOT)
        work.checkpoint()
        with accepting(errno.EEXIST):  # another host was faster
            self._images.rename(draft, f"{PREFIX}{source.id}")
            return
        self._images.remove(draft, work=work)

    def belongs(self, name: str) -> bool:
        """Tell whether an image's name is one of ours."""
        return name.startswith((PREFIX, "draft-"))

    def tidy(self, pool: str) -> None:
        """Take away what nothing was made of for long, and drafts of this host that were left."""
        for name in self._images.names(pool):
            if name.startswith(PREFIX) and self._is_idle(f"{pool}/{name}"):
                self._images.remove(f"{pool}/{name}", work=Unguarded())
        with self._bringing:
            for name in self._images.names(pool):
                if name.startswith(self._drafts):
                    self._images.remove(f"{pool}/{name}", work=Unguarded())

    def _is_idle(self, base: str) -> bool:
        if self._images.children(base, SNAPSHOT):
            return False
        info = self._images.info(base) or {}
        text = info.get("access_timestamp") or info.get("create_timestamp")
        if text is None:
            return False
        used = datetime.strptime(text, "%a %b %d %H:%M:%S %Y").astimezone(UTC)
        return datetime.now(UTC) - used > KEPT
