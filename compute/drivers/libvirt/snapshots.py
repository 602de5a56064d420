"""Copies of guests' own disks: made in the guest's home by the guest's user, then taken out of it."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO

from cloudweb import process
from cloudweb.driver import DriverError, Work
from compute.drivers.base import GuestNotFound, SnapshotNotFound, Snapshots
from compute.drivers.libvirt.copying import Copies, convert
from compute.drivers.libvirt.domains import Domains
from compute.drivers.libvirt.files import GuestFiles, file_name
from compute.drivers.libvirt.storage import Storage, host_errors, is_plain
from compute.objects import GuestRef, GuestState

#: The file of the disk that a guest boots from.
ROOT = "root.qcow2"


class LibvirtSnapshots(Snapshots):
    """What the libvirt driver does about copies of disks."""

    storage: Storage
    _domains: Domains
    _copies: Copies

    @abstractmethod
    def get(self, guest_id: str) -> GuestState:
        """Return the guest; raise GuestNotFound."""

    def take_snapshot(
        self,
        ref: GuestRef,
        snapshot: str,
        *,
        still: Callable[[], AbstractContextManager[None]],
        work: Work,
    ) -> int:
        """Let QEMU copy the disk of a guest that has one, else copy the files."""
        files, storage = self.storage.files(ref.id), self.storage
        kept, made = _kept(storage, files, snapshot), _made(files, snapshot)
        if kept.exists():
            return kept.stat().st_size
        if self._domains.find(ref.id) is None:
            raise GuestNotFound
        if not is_plain(files.home / ROOT):
            raise DriverError("The server has no disk on its host.", detail=str(files.home / ROOT))
        work.checkpoint()
        storage.check_room()
        try:
            with host_errors():
                made.unlink(missing_ok=True)
                self._make(files, made, still=still, work=work)
                work.checkpoint()
                return _take_out(made, kept)
        finally:
            made.unlink(missing_ok=True)

    def _make(
        self,
        files: GuestFiles,
        made: Path,
        *,
        still: Callable[[], AbstractContextManager[None]],
        work: Work,
    ) -> None:
        domain = self._domains.find(files.home.name)
        if domain is None:
            raise GuestNotFound
        if not self._domains.is_active(domain):
            log = self.storage.draft(files, f"{made.name}.log")
            uid = self.storage.owner(files)
            try:
                convert(files.home / ROOT, made, uid=uid, gid=self.storage.gid, log=log, work=work)
            finally:
                log.unlink(missing_ok=True)
            return
        disks = self._copies.disks(domain)
        disk = next((target for target, name in disks.items() if name == ROOT), None)
        if disk is None:
            raise DriverError("The server has no disk on its host.", detail=str(disks))
        draft = self.storage.draft(files, made.name)
        size = self._copies.size(domain, disk)
        process.run("qemu-img", "create", "-q", "-f", "qcow2", str(draft), str(size))
        self.storage.move_in(draft, files, made)
        self._copies.copy(domain, disk, files.seen / made.name, still=still, work=work)

    def open_snapshot(self, ref: GuestRef, snapshot: str) -> BinaryIO:
        """Open the copy, which is root's."""
        try:
            with host_errors():
                return _kept(self.storage, self.storage.files(ref.id), snapshot).open("rb")
        except DriverError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise SnapshotNotFound from error
            raise

    def drop_snapshot(self, ref: GuestRef, snapshot: str, *, work: Work) -> None:
        """Call off what is being made, then make the files absent."""
        files = self.storage.files(ref.id)
        kept, made = _kept(self.storage, files, snapshot), _made(files, snapshot)
        domain = self._domains.find(ref.id)
        work.checkpoint()
        if domain is not None and made.exists():
            self._copies.end(domain)
        with host_errors(), suppress(NotADirectoryError):
            for path in (made, kept, self.storage.draft(files, made.name)):
                path.unlink(missing_ok=True)


def _made(files: GuestFiles, snapshot: str) -> Path:
    return files.home / f"snapshot-{file_name(snapshot)}.qcow2"


def _kept(storage: Storage, files: GuestFiles, snapshot: str) -> Path:
    """Return where a copy is that is whole: with the drafts, where no guest gets to it."""
    return storage.drafts / f"{files.home.name}.copy-{file_name(snapshot)}.qcow2"


def _take_out(made: Path, kept: Path) -> int:
    """Make a copy root's; what is no file, or is known by another name too, is none."""
    draft = kept.with_suffix(".new")
    made.replace(draft)
    if not is_plain(draft):
        draft.unlink()
        raise DriverError("The copy of the disk is not as it was made.", detail=str(made))
    os.chown(draft, os.geteuid(), -1, follow_symlinks=False)
    draft.chmod(0o600)
    size = draft.stat().st_size
    draft.replace(kept)
    return size
