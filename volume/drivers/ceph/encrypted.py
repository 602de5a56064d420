"""Encrypted images: LUKS from their first byte on. Who has one open decrypts it: a guest's QEMU, or ours.

An image is a draft, ``making-<id>``, until its header is there: one that is called a volume is whole. How long the
header is stands beside the image, in a note that clones get with what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloudweb.driver import DriverError, Work
from cloudweb.image_cache.source import ImageSource
from volume.drivers.base import NoKey
from volume.drivers.ceph.images import HEADER_NOTE, Images
from volume.drivers.luks import (
    HEADER,
    SECRET_OBJECT,
    copy_encrypted,
    named,
    new_header,
    opened_node,
    run_opened,
)
from volume.objects import VolumeEncryption, VolumeSpec

DRAFT = "making-"


class EncryptedImages:
    """The encrypted images of one back end, and the keys of those that are worked on just now."""

    def __init__(self, images: Images, node: Callable[[str], Mapping[str, Any]], place: Path):
        self._images, self._node, self._place = images, node, place
        self._keys: dict[str, str] = {}

    def draft(self, spec: VolumeSpec) -> str:
        """Return what an image is called that is not whole yet."""
        return f"{spec.ref.pool}/{DRAFT}{spec.ref.id}"

    def make(self, spec: VolumeSpec, file: Path | None, *, work: Work) -> None:
        """Make a draft with a header of its own, empty or with what an image's file holds."""
        draft, encryption = self.draft(spec), spec.encryption
        assert encryption is not None
        self._images.remove(draft, work=work)  # of one who died over it
        work.checkpoint()
        self._images.create(draft, HEADER + spec.size)
        self._write_header(draft, spec, encryption)
        if isinstance(spec.source, ImageSource):
            if file is None:
                raise DriverError("The image's file is not there.", detail=spec.source.id)
            target = opened_node(self._node(draft))
            copy_encrypted(file, spec.source.disk_format, target, encryption.passphrase)

    def _write_header(self, draft: str, spec: VolumeSpec, encryption: VolumeEncryption) -> None:
        path = self._place / f"header-{spec.ref.id}"
        try:
            header = new_header(encryption, path, length=HEADER)
            path.touch(mode=0o600)
            path.write_bytes(header)
            self._images.fill(draft, str(path), "raw")
        finally:
            path.unlink(missing_ok=True)

    def finish(self, spec: VolumeSpec, name: str) -> None:
        """Let a draft that is whole be the volume."""
        draft = self.draft(spec)
        self._images.note(draft, HEADER_NOTE, str(HEADER))
        self._images.rename(draft, name.partition("/")[2])

    def check_key(self, image: str, passphrase: str) -> None:
        """Raise NoKey or WrongKey where a passphrase does not open an image."""
        target = named(opened_node(self._node(image)))
        run_opened("qemu-io", "-r", *SECRET_OBJECT, "-c", "length", target, passphrase=passphrase)

    @contextmanager
    def opened(self, volume_id: str, passphrase: str) -> Iterator[None]:
        """Know a volume's passphrase for as long."""
        if not passphrase:
            raise NoKey
        self._keys[volume_id] = passphrase
        try:
            yield
        finally:
            self._keys.pop(volume_id, None)

    def key(self, volume_id: str) -> str:
        """Return the passphrase of a volume that is worked on; nothing where that is not known."""
        return self._keys.get(volume_id, "")
