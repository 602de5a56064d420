"""Images that others left in a pool of Ceph become volumes, and volumes are left to others, by another name."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from cloudweb.driver import DriverError, Work
from volume.drivers.base import Manages, ManagesSnapshots, NoSuchSnapshot, VolumeInUse
from volume.drivers.ceph.attachments import Attachments
from volume.drivers.ceph.images import Image, Images
from volume.drivers.ceph.made import PASSING, Made
from volume.objects import (
    Manageable,
    ManageRequest,
    SnapshotManageRequest,
    SnapshotRef,
    SnapshotState,
    UnmanageRequest,
    VolumeRef,
    VolumeState,
)

VOLUME, SNAPSHOT = "volume-", "snapshot-"
OURS = (SNAPSHOT, "point-", PASSING)
#: Without it nobody is the one who writes, and who is cut off could go on.
NEEDED = "exclusive-lock"


class CephManaging(Manages, ManagesSnapshots):
    """Its part of the driver of Ceph."""

    images: Images
    _made: Made
    _attachments: Attachments

    def manageable(self, pool: str, name: str = "") -> Sequence[Manageable]:
        """Return the images that are none of ours; who has one that is named open is looked at, too."""
        self._image(VolumeRef(id="none", backend="", pool=pool))  # or NoSuchPool
        found = [
            _shown(one)
            for one in self.images.long_list(pool)
            if "snapshot" not in one
            and not self._is_ours(one["image"])
            and name in ("", one["image"])
        ]
        return [self._looked_at(pool, one) for one in found] if name else found

    def _looked_at(self, pool: str, one: Manageable) -> Manageable:
        info, found = self.images.info(f"{pool}/{one.name}") or {}, None
        if info:
            found = self.images.find(f"{pool}/{one.name}")
        problem = one.problem
        if found is not None and found.header:
            problem = "It is an encrypted volume: its key is not known."
        elif NEEDED not in info.get("features", ()):
            problem = f"It lacks the feature {NEEDED}: rbd feature enable gives it."
        elif not problem and self.images.watchers(f"{pool}/{one.name}"):
            problem = "It is in use."
        return one.model_copy(update={"problem": problem})

    def manage(self, request: ManageRequest, *, work: Work) -> VolumeState:
        """Give the image our name, and the size."""
        ref, name = request.volume, self._image(request.volume)
        image = self.images.find(name)
        if image is None:
            left = self.manageable(ref.pool, request.name)
            if not left:
                raise DriverError(f"There is no image of others' called {request.name}.")
            if left[0].problem:
                raise DriverError(left[0].problem, detail=request.name)
            work.checkpoint()
            self._made.begin(ref.id, ref.pool)
            self.images.rename(f"{ref.pool}/{request.name}", name.partition("/")[2])
            image = self._found(ref)
        if image.size < request.size:
            work.checkpoint()
            self.images.resize(name, request.size)
        return self._state(ref, max(image.size, request.size))

    def unmanage(self, request: UnmanageRequest, *, work: Work) -> None:
        """Give the image a name that is none of ours."""
        ref, name = request.volume, self._image(request.volume)
        image = self.images.find(name)
        if image is not None:
            if image.header:
                raise DriverError("An encrypted volume cannot be left to others: its key is ours.")
            if self._attachments.of(ref.id) or self.images.watchers(name):
                raise VolumeInUse
            if any(one.startswith(OURS) for one in self.images.snapshots(name)):
                raise VolumeInUse
            work.checkpoint()
            self._made.end_passing(ref.id)
            self.images.rename(name, self._free(ref, request.name))
        self._made.forget(ref.id)

    def _free(self, ref: VolumeRef, wanted: str) -> str:
        """Return what it can be called so that nothing of the same name is there."""
        names = (wanted, f"unmanaged-{ref.id}", f"unmanaged-{ref.id}-{secrets.token_hex(4)}")
        for name in names:
            fits = name and not self._is_ours(name) and not {"/", "@"} & {*name}
            if fits and self.images.info(f"{ref.pool}/{name}") is None:
                return name
        raise DriverError("The image cannot be called anything.", detail=wanted)

    def manageable_snapshots(self, pool: str, volume_id: str = "") -> Sequence[Manageable]:
        """Return the snapshots of our images that are none of ours."""
        self._image(VolumeRef(id="none", backend="", pool=pool))
        return [
            Manageable(
                name=one["snapshot"], size=one["size"], volume_id=one["image"].removeprefix(VOLUME)
            )
            for one in self.images.long_list(pool)
            if "snapshot" in one
            and one["image"].startswith(f"{VOLUME}{volume_id}")
            and not one["snapshot"].startswith(OURS)
        ]

    def manage_snapshot(self, request: SnapshotManageRequest, *, work: Work) -> SnapshotState:
        """Give the snapshot our name."""
        ref = request.snapshot
        image, name = self._found(ref.volume), f"{SNAPSHOT}{ref.id}"
        known = self.images.snapshots(image.name)
        if name not in known:
            if request.name not in known or request.name.startswith(OURS):
                raise NoSuchSnapshot
            work.checkpoint()
            self.images.rename_snapshot(image.name, request.name, name)
        size = self._snapshot_size(ref, image)
        return SnapshotState(id=ref.id, volume_id=ref.volume.id, size=size)

    def unmanage_snapshot(self, request: SnapshotManageRequest, *, work: Work) -> None:
        """Give the snapshot a name that is none of ours."""
        ref = request.snapshot
        image, name = self._image(ref.volume), f"{SNAPSHOT}{ref.id}"
        known = self.images.snapshots(image)
        if name in known:
            taken = request.name in known or request.name.startswith(OURS)
            work.checkpoint()
            self.images.rename_snapshot(
                image, name, f"unmanaged-{ref.id}" if taken else request.name
            )

    # What the driver has

    @abstractmethod
    def _image(self, ref: VolumeRef) -> str: ...

    @abstractmethod
    def _found(self, ref: VolumeRef) -> Image: ...

    @abstractmethod
    def _is_ours(self, name: str) -> bool: ...

    @abstractmethod
    def _snapshot_size(self, ref: SnapshotRef, image: Image) -> int: ...

    @abstractmethod
    def _state(self, ref: VolumeRef, size: int, *, allocated: int = 0) -> VolumeState: ...


def _shown(one: Mapping[str, Any]) -> Manageable:
    problem = "It is in use." if one.get("lock_type") else ""
    return Manageable(name=one["image"], size=one["size"], problem=problem, format="raw")
