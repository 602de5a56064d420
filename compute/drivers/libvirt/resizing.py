"""Guests of libvirt that change their size or their host: their disks copied, grown, exchanged.

Beside a disk ``root.qcow2`` stand, while a resize is undecided, ``root.qcow2.old`` or ``root.qcow2.new``:
what the guest had, or would have. Two renames exchange them, each of which may be the last before a crash.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError, Work
from compute.drivers.base import GuestNotFound, GuestRuns, Resize
from compute.drivers.libvirt.files import GuestFiles, file_name, own_disks
from compute.drivers.libvirt.offers import (
    DiskFile,
    Offers,
    disk_file,
    image_options,
    virtual_size,
    wire_of,
)
from compute.drivers.libvirt.storage import Storage, host_errors, is_plain
from compute.objects import GuestRef, GuestSpec, GuestState
from compute.resize_objects import (
    DiskChoice,
    DiskOffer,
    OfferedDisk,
    OfferRequest,
    ReceiveRequest,
)

if TYPE_CHECKING:
    from compute.drivers.libvirt.domains import Domains
    from compute.drivers.libvirt.entries import Entries
    from compute.drivers.libvirt.watcher import Watcher

#: So long a disk may take to be copied. Seconds.
COPY_SECONDS = 6 * 3600.0
_TLS = "tls0"


class LibvirtResizing(Resize):
    """What the libvirt driver does of it; the rest of the driver gives what is named here."""

    host: str
    state_dir: Path
    storage: Storage
    entries: Entries
    _domains: Domains
    _watcher: Watcher

    if TYPE_CHECKING:

        def get(self, guest_id: str) -> GuestState: ...
        def _xml(self, spec: GuestSpec, files: GuestFiles, uid: int) -> str: ...
        def _write_boot_files(
            self, spec: GuestSpec, files: GuestFiles, images: Mapping[str, Path]
        ) -> None: ...

    @property
    def offers(self) -> Offers:
        """The disks that other hosts may read now."""
        return Offers(self.state_dir / "offers", wire_of(self.state_dir), self.host)

    def offer_disks(self, request: OfferRequest, *, work: Work) -> DiskOffer:
        """Serve them; the guest has no way to its volumes here any more."""
        with self._watcher.order(request.id):
            files = self._files(request.id, request.disks)
            if self._is_active(request.id):
                raise GuestRuns
            work.checkpoint()
            self.entries.drop(request.id)
            offers = self.offers
            return DiskOffer(
                id=request.id,
                disks=tuple(offers.offer(files, name, request.to_host) for name in request.disks),
            )

    def withdraw_disks(self, ref: GuestRef, *, work: Work) -> None:
        """End the servers."""
        work.checkpoint()
        self.offers.withdraw(file_name(ref.id))

    def receive_disks(self, request: ReceiveRequest, *, work: Work) -> None:
        """Copy each disk whole; what it stood on is in the copy."""
        files = self.storage.files(request.id)
        self._check_ours(files)
        work.checkpoint()
        self.storage.make_home(files)
        for disk in request.disks:
            place = disk_file(files, disk.name)
            if place.path.exists():
                continue
            work.checkpoint()
            self.storage.check_room()
            draft = self.storage.draft(files, place.path.name)
            with host_errors():
                self._copy(disk, draft)
            work.checkpoint()
            self.storage.move_in(draft, files, place.path)

    def _copy(self, disk: OfferedDisk, draft: Path) -> None:
        source = disk.source
        if source.kind != "nbd_tls":
            raise DriverError("The host cannot read such a disk.", detail=source.kind)
        certificates = wire_of(self.state_dir).certificates
        if not (certificates / "client-cert.pem").exists():
            raise DriverError(
                "This host has no certificate yet; it cannot read disks of others.",
                detail=str(certificates),
            )
        place = f"server.type=inet,server.host={source.address},server.port={source.port}"
        names = f"export={source.export},tls-creds={_TLS},tls-hostname={source.tls_name}"
        try:
            process.run(
                "qemu-img", "convert", "-O", "qcow2",
                "--object", f"tls-creds-x509,id={_TLS},dir={certificates},endpoint=client",
                "--image-opts", f"driver=nbd,{place},{names}",
                os.fspath(draft),
                timeout=COPY_SECONDS,
            )  # fmt: skip
        except process.CommandFailed as error:
            if "No space left" in error.output:
                raise
            raise TransientDriverError(
                "The guest's disks could not be copied from its host.", detail=error.detail
            ) from error

    def choose_disks(self, choice: DiskChoice, *, work: Work) -> bool:
        """Exchange files, once the guest is off."""
        with self._watcher.order(choice.id):
            files = self._files(choice.id)
            disks = [disk_file(files, name) for name in choice.disks]
            if choice.use == "new" and not choice.forget:
                for disk in disks:
                    if not _beside(disk, "old").exists() and not _beside(disk, "new").exists():
                        self._check_off(choice.id)
                        work.checkpoint()
                        self._copy_aside(files, disk)
            swaps = any(_swaps(disk, choice.use) for disk in disks)
            if swaps and self._is_active(choice.id):
                work.checkpoint()
                self._domains.pull_plug(choice.id)
            work.checkpoint()
            with host_errors():
                for disk in disks:
                    _exchange(disk, choice.use)
                if choice.forget:
                    for disk in disks:
                        _beside(disk, "old").unlink(missing_ok=True)
                        _beside(disk, "new").unlink(missing_ok=True)
            return swaps

    def _copy_aside(self, files: GuestFiles, disk: DiskFile) -> None:
        """Make the new disk: a copy of the file, which stands on the same base."""
        self.storage.check_room()
        if not is_plain(disk.path):
            raise DriverError("The guest's files are not as they were made.", detail=str(disk.path))
        draft = self.storage.draft(files, disk.path.name)
        with host_errors():
            process.run(
                *("cp", "--reflink=auto", "--sparse=always", "--no-dereference", "--"),
                *(str(disk.path), str(draft)),
                timeout=COPY_SECONDS,
            )
        self.storage.move_in(draft, files, _beside(disk, "new"))

    def resize(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Grow the disks, define the domain."""
        with self._watcher.order(spec.id):
            if self._is_active(spec.id):
                return self.get(spec.id)
            files = self._files(spec.id, [disk.name for disk in own_disks(spec)])
            self._check_ours(files)
            for wanted in own_disks(spec):
                disk = disk_file(files, wanted.name)
                with host_errors():
                    if virtual_size(disk) < wanted.size:
                        work.checkpoint()
                        process.run(
                            "qemu-img", "resize", "-q", image_options(disk), str(wanted.size)
                        )
            work.checkpoint()
            self.storage.make_home(files)
            self._write_boot_files(spec, files, images)
            uid = self.storage.hand_over(files, _without_sockets(spec))
            self._domains.define(self._xml(_without_sockets(spec), files, uid))
            self._domains.forget_saved(spec.id)
            return self.get(spec.id)

    def _files(self, guest_id: str, disks: tuple[str, ...] | list[str] = ()) -> GuestFiles:
        files = self.storage.files(guest_id)
        for name in disks:
            if not disk_file(files, name).path.exists():
                raise GuestNotFound(
                    "The guest's disks are not on the host.", detail=str(files.home)
                )
        if not files.home.exists() and self._domains.find(guest_id) is None:
            raise GuestNotFound
        return files

    def _is_active(self, guest_id: str) -> bool:
        domain = self._domains.find(guest_id)
        return domain is not None and self._domains.is_active(domain)

    def _check_ours(self, files: GuestFiles) -> None:
        if self.storage.is_others(files):
            raise DriverError(
                "Hosts that share the directory of servers' disks bring none to each other while it is off.",
                detail=str(files.home),
            )

    def _check_off(self, guest_id: str) -> None:
        if self._is_active(guest_id):
            raise GuestRuns


def _without_sockets(spec: GuestSpec) -> GuestSpec:
    """Return the guest without attached disks, which its start gives it: their ways may not stand yet."""
    return spec.model_copy(update={"disks": tuple(own_disks(spec))})


def _beside(disk: DiskFile, which: str) -> Path:
    return disk.path.with_name(f"{disk.path.name}.{which}")


def _swaps(disk: DiskFile, use: str) -> bool:
    """Tell whether the guest has, or in a moment would have, the other one."""
    return _beside(disk, use).exists()


def _exchange(disk: DiskFile, use: str) -> None:
    """Let ``use`` be what the guest has, from wherever an earlier exchange ended."""
    wanted, other = _beside(disk, use), _beside(disk, "old" if use == "new" else "new")
    if not wanted.exists():
        return
    if disk.path.exists():
        disk.path.rename(other)
    wanted.rename(disk.path)
