"""Guests started from rescue disks, and guests that lose their disks for others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path

from cloudweb.driver import Work
from compute.drivers.base import GuestNotFound, Rebuild, Rescue
from compute.drivers.libvirt import config_drive
from compute.drivers.libvirt.disks import RESCUE
from compute.drivers.libvirt.domains import Domains
from compute.drivers.libvirt.files import GuestFiles
from compute.drivers.libvirt.storage import Storage, host_errors, image_of
from compute.drivers.libvirt.watcher import Watcher
from compute.objects import GuestDisk, GuestRef, GuestSpec, GuestState


class LibvirtRescue(Rescue, Rebuild):
    """What the driver has of it."""

    storage: Storage
    _domains: Domains
    _watcher: Watcher

    def rescue(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Make disk and boot files of the rescue beside the guest's own, and start it with them."""
        assert spec.rescue is not None
        with self._watcher.order(spec.id):
            domain, files = self._domains.find(spec.id), self.storage.files(spec.id)
            if domain is not None and self._domains.is_active(domain):
                if self._domains.rescued_with(domain) == spec.rescue.image.id:
                    return self._domains.get(spec.id)
                work.checkpoint()
                self._domains.pull_plug(spec.id)
            own = spec.model_copy(update={"rescue": None})
            if not files.complete_for(own):
                raise GuestNotFound(
                    "The guest's disks are not on the host.", detail=str(files.home)
                )
            work.checkpoint()
            self.storage.check_room()
            self.storage.drop_rescue(files)
            self._write_rescue(spec, files, images)
            self._boot(spec, work)
            return self._domains.get(spec.id)

    def _write_rescue(self, spec: GuestSpec, files: GuestFiles, images: Mapping[str, Path]) -> None:
        assert spec.rescue is not None
        disk = GuestDisk(name=RESCUE, image=spec.rescue.image, size=spec.rescue.size)
        self.storage.make_disk(files, disk, images)
        if spec.config_drive is not None:
            with host_errors():
                draft = self.storage.draft(files, files.rescue_config_drive.name)
                config_drive.build(spec.config_drive, draft)
            self.storage.move_in(draft, files, files.rescue_config_drive)
        direct = spec.rescue.direct_boot
        if direct is not None:
            self.storage.link(image_of(direct.kernel, images), files, files.rescue_kernel)
            if direct.ramdisk is not None:
                self.storage.link(image_of(direct.ramdisk, images), files, files.rescue_ramdisk)

    def unrescue(self, ref: GuestRef, *, work: Work) -> GuestState:
        """End the guest; its next start defines it anew."""
        with self._watcher.order(ref.id):
            self._end(ref.id, work)
            work.checkpoint()
            self.storage.drop_rescue(self.storage.files(ref.id))
            return self._domains.get(ref.id)

    def wipe(self, ref: GuestRef, *, keep: Collection[str], work: Work) -> None:
        """End the guest, and drop the files of its home."""
        with self._watcher.order(ref.id):
            if self._domains.find(ref.id) is not None:
                self._end(ref.id, work)
                self._domains.forget_saved(ref.id)
            work.checkpoint()
            self.storage.wipe(self.storage.files(ref.id), keep)

    def _end(self, guest_id: str, work: Work) -> None:
        domain = self._domains.find(guest_id)
        if domain is None:
            raise GuestNotFound
        if self._domains.is_active(domain):
            work.checkpoint()
            self._domains.pull_plug(guest_id)

    @abstractmethod
    def _boot(self, spec: GuestSpec, work: Work, *, from_memory: bool = False) -> None: ...
