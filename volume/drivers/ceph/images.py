"""Images of RBD in one back end: by name while they live, by id in the trash, where parents wait for their clones."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudweb import process
from cloudweb.driver import TransientDriverError, Work
from volume.drivers.ceph.cluster import LONG, Cluster, Refused, accepting

#: Of all images: one may have clones, is locked by who writes, and says quickly what is in it.
FEATURES = "layering,exclusive-lock,object-map,fast-diff,deep-flatten"
#: So many parents an image may have above each other before it gets what they hold itself.
MAX_DEPTH = 5
#: Beside an encrypted image: how many bytes its header takes before what the volume holds.
HEADER_NOTE = "cloudweb.luks"


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is a volume: ``size`` is the volume's, behind a header where it is encrypted."""

    name: str
    size: int
    header: int


class Images:
    """What is done to images; ``image`` is "pool/name" everywhere."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._headers: dict[str, int] = {}  # by the ids of images, which never change

    def find(self, image: str) -> Image | None:
        """Return a volume's image; None where there is none."""
        info = self.info(image)
        if info is None:
            return None
        if info["id"] not in self._headers:
            self._headers[info["id"]] = int(self.noted(image, HEADER_NOTE) or 0)
        header = self._headers[info["id"]]
        return Image(image, info["size"] - header, header)

    def info(self, image: str) -> Mapping[str, Any] | None:
        """Return an image's size, id and parent; None where there is none."""
        found: Mapping[str, Any] | None = self._cluster.read("info", image)
        return found

    def allocated(self, image: str) -> int:
        """Return the bytes of an image that are its own, with its snapshots."""
        found = self._cluster.read("du", image) or {"images": []}
        return sum(one["used_size"] for one in found["images"])

    def names(self, pool: str) -> Sequence[str]:
        """Return the images of a pool."""
        return list(self._cluster.read("ls", pool) or ())

    def create(self, image: str, size: int) -> None:
        """Make an empty image; one that is half made by whoever died over it is made anew."""
        words = ("create", image, "--size", f"{size}B", "--image-feature", FEATURES)
        try:
            self._cluster.rbd(*words)
        except Refused as error:
            if error.errno != errno.EEXIST or self.info(image) is not None:
                raise
            self._cluster.rbd("rm", "--no-progress", image)
            self._cluster.rbd(*words)

    def fill(self, image: str, file: str, disk_format: str) -> None:
        """Write what a file holds into an empty image."""
        process.run(
            "qemu-img", "convert", "-n", "--target-is-zero", "-f", disk_format, "-O", "raw",
            file, self._cluster.location(image), timeout=LONG,
        )  # fmt: skip

    def clone(self, parent: str, snapshot: str, image: str) -> None:
        """Make an image that shares what a snapshot holds."""
        self._cluster.rbd("clone", f"{parent}@{snapshot}", image, "--image-feature", FEATURES)

    def flatten_deep(self, image: str, *, always: bool = False) -> None:
        """Give an image what its parents hold where there are many of them, or ``always``."""
        depth, above = 0, (self.info(image) or {}).get("parent")
        while above is not None and depth <= MAX_DEPTH:
            depth += 1
            place = ("--pool", above["pool"], "--image-id", above["id"])
            above = (self._cluster.read("info", *place) or {}).get("parent")
        if depth > MAX_DEPTH or (always and depth):
            self._cluster.rbd("flatten", "--no-progress", image, timeout=LONG)

    def resize(self, image: str, size: int) -> None:
        """Make an image larger, in use or not."""
        self._cluster.rbd("resize", "--no-progress", image, "--size", f"{size}B")

    # Snapshots

    def snapshots(self, image: str) -> Mapping[str, int]:
        """Return the snapshots of an image with its size then; none for an image that is not there."""
        found = self._cluster.read("snap", "ls", image) or ()
        return {one["name"]: one["size"] for one in found}

    def children(self, image: str, snapshot: str) -> Sequence[str]:
        """Return what was made of a snapshot, in the trash or not."""
        found = self._cluster.read("children", "--all", image, "--snap", snapshot) or ()
        return [one["image"] for one in found]

    def take(self, image: str, snapshot: str) -> None:
        """Make a snapshot be there."""
        with accepting(errno.EEXIST):
            self._cluster.rbd("snap", "create", "--no-progress", f"{image}@{snapshot}")

    def drop(self, image: str, snapshot: str) -> None:
        """Make a snapshot absent; while it has clones, Ceph keeps it where nobody sees it."""
        with accepting(errno.ENOENT):
            self._cluster.rbd("snap", "rm", "--no-progress", f"{image}@{snapshot}")

    def rename_snapshot(self, image: str, old: str, new: str) -> None:
        """Call a snapshot something else."""
        self._cluster.rbd("snap", "rename", f"{image}@{old}", f"{image}@{new}")

    def long_list(self, pool: str) -> Sequence[Mapping[str, Any]]:
        """Return images and snapshots of a pool, with sizes and who has a lock."""
        return list(self._cluster.read("ls", "--long", pool) or ())

    def watchers(self, image: str) -> int:
        """Return how many have an image open."""
        return len((self._cluster.read("status", image) or {}).get("watchers", ()))

    def roll_back(self, image: str, snapshot: str) -> None:
        """Write what a snapshot holds over what the image holds; the image gets its size, too."""
        self._cluster.rbd("snap", "rollback", "--no-progress", f"{image}@{snapshot}", timeout=LONG)

    # Notes

    def note(self, image: str, key: str, text: str) -> None:
        """Write something beside an image."""
        self._cluster.rbd("image-meta", "set", image, key, text)

    def noted(self, image: str, key: str) -> str:
        """Return what is written beside an image, or nothing."""
        with accepting(errno.ENOENT):
            return self._cluster.rbd("image-meta", "get", image, key).strip()
        return ""

    def forget(self, image: str, key: str) -> None:
        """Take away what is written beside an image."""
        with accepting(errno.ENOENT):
            self._cluster.rbd("image-meta", "remove", image, key)

    # The end

    def remove(self, image: str, *, work: Work) -> None:
        """Make an image absent by name at once; what it takes goes as soon as no clone needs it.

        Raises Refused (EBUSY) while somebody has it open.
        """
        pool, _, name = image.partition("/")
        if self.info(image) is not None:
            work.checkpoint()
            with accepting(errno.ENOENT):
                self._cluster.rbd("trash", "mv", image)
        for one in self.trash(pool):
            if one["name"] == name:
                work.checkpoint()
                self.purge(pool, one["id"])

    def rename(self, image: str, name: str) -> None:
        """Call an image something else."""
        self._cluster.rbd("rename", image, f"{image.partition('/')[0]}/{name}")

    def trash(self, pool: str) -> Sequence[Mapping[str, str]]:
        """Return names and ids of what waits for its end."""
        return list(self._cluster.read("trash", "ls", pool) or ())

    def purge(self, pool: str, image_id: str) -> None:
        """Remove an image that is in the trash, and parents there that waited for it alone.

        One that has clones, or takes long, stays: it is tried again from time to time.
        """
        place = ("--pool", pool, "--image-id", image_id)
        parent = (self._cluster.read("info", *place) or {}).get("parent")
        for one in self._cluster.read("snap", "ls", *place) or ():
            self._cluster.rbd("snap", "rm", "--no-progress", *place, "--snap", one["name"])
        try:
            self._cluster.rbd("trash", "rm", "--no-progress", f"{pool}/{image_id}", timeout=200)
        except Refused as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EBUSY, errno.ENOENT):
                raise
            return
        except TransientDriverError:
            return
        if parent is not None and parent.get("trash"):
            self.purge(parent["pool"], parent["id"])
