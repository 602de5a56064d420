"""LUKS: how what lies in volumes is encrypted, and with what secret it is opened.

In files a volume's first file gets a LUKS header of its own; each file above one has the same header, and so the
same key: a layer is made without knowing the passphrase. QEMU encrypts (qcow2 with ``encrypt.format`` of
``luks``). Volumes that are disks begin with their header, as cryptsetup and QEMU's driver ``luks`` know it, and
what is made of one has it too. The header is cryptsetup's: QEMU's own takes seconds, and fails where processor
time is counted coarsely. A passphrase is of 384 random bits, so there is nothing to be gained by many iterations.

A passphrase reaches programs by their standard input, and daemons, which may have to be started again, by
a file of root's in a directory that should be memory (/run): its bytes are overwritten when it goes.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import DiskFull, DriverError
from cloudweb.files import make_directory, write_atomically
from volume.drivers.base import NoKey, VolumeDriver, WrongKey, capabilities
from volume.objects import VolumeEncryption

#: What QEMU's programs call the secret; and the words by which they read it from standard input.
SECRET = "luks0"  # noqa: S105
SECRET_OBJECT = ("--object", f"secret,id={SECRET},file=/dev/stdin")
CRYPTSETUP = "cryptsetup"
#: So long is the header of a disk: what follows begins where objects of Ceph, and extents of LVM, do.
HEADER = 4 * 1024**2
_KEY_SIZES = {"aes-xts-plain64": (256, 512)}
_ROOM = 8 * 1024**2
_SECTOR = 512
_SLOT = struct.Struct(
    ">8x32x2I"
)  # of the first key: after its salt, where it is, and in how many parts
_FIRST_SLOT, _KEY_BYTES, _PAYLOAD, _HEADER = 208, 108, 104, 592


def able_here(driver: VolumeDriver) -> Sequence[str]:
    """Return what a driver that encrypts can do with what is installed on this host."""
    known = capabilities(driver)
    return known if shutil.which(CRYPTSETUP) else [one for one in known if one != "encryption"]


def new_header(encryption: VolumeEncryption, draft: Path, *, length: int = 0) -> bytes:
    """Return a new LUKS header, made in the file ``draft``; with a ``length`` it has that."""
    if encryption.key_size not in _KEY_SIZES.get(encryption.cipher, ()):
        raise DriverError(
            f"This host cannot encrypt by {encryption.cipher[:40]} with {encryption.key_size} bits; it "
            "can by aes-xts-plain64 with 256 or 512."
        )
    with draft.open("wb") as file:
        draft.chmod(0o600)
        file.truncate(_ROOM)
    try:
        process.run(
            CRYPTSETUP, "luksFormat", "--batch-mode", "--type", "luks1",
            "--cipher", encryption.cipher, "--key-size", str(encryption.key_size),
            "--hash", "sha256", "--pbkdf-force-iterations", "1000", "--key-file", "-",
            *(("--align-payload", str(length // _SECTOR)) if length else ()), str(draft),
            data=encryption.passphrase.encode(),
        )  # fmt: skip
        return _first_slot_alone(draft.read_bytes())
    finally:
        draft.unlink(missing_ok=True)


def run_opened(
    *command: str, passphrase: str, timeout: float = 850, cwd: Path | None = None
) -> None:
    """Run a program of QEMU's that has ``SECRET_OBJECT`` among its words; raise WrongKey, NoKey."""
    if not passphrase:
        raise NoKey
    try:
        process.run(*command, data=passphrase.encode(), timeout=timeout, cwd=cwd)
    except process.CommandFailed as error:
        if is_wrong_key(error):
            raise WrongKey(detail=error.detail) from error
        if "No space left" in error.output:
            raise DiskFull(detail=error.detail) from error
        raise


def copy_encrypted(source: Path, kind: str, target: Mapping[str, Any], passphrase: str) -> None:
    """Write what a disk holds into an encrypted block device that is at least as large, and sync it."""
    run_opened(
        "qemu-img", "convert", "-n", *SECRET_OBJECT,
        "-f", kind, "--target-image-opts", str(source), options(target),
        passphrase=passphrase,
    )  # fmt: skip


def opened_node(disk: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the block device of what an encrypted disk holds."""
    return {"driver": "luks", "key-secret": SECRET, "file": disk}


def named(node: Mapping[str, Any]) -> str:
    """Return a block device as QEMU's programs take it for a file's name."""
    return f"json:{json.dumps(node)}"


def options(node: Mapping[str, Any]) -> str:
    """Return a block device as ``--image-opts`` has it."""
    return ",".join(f"{name}={str(value).replace(',', ',,')}" for name, value in _flat(node))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        pairs = [(key, one) for key, one in value.items()]
    elif isinstance(value, list):
        pairs = [(str(index), one) for index, one in enumerate(value)]
    else:
        yield name, value
        return
    for key, one in pairs:
        yield from _flat(one, f"{name}.{key}" if name else key)


def is_wrong_key(error: process.CommandFailed) -> bool:
    """Tell whether QEMU says so."""
    return "Invalid password" in error.output


class Keys:
    """The passphrases of volumes in use, each in a file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self) -> None:
        """Make the directory; what a process left half written goes."""
        make_directory(self._directory)
        for draft in self._directory.glob(".*"):
            draft.unlink(missing_ok=True)

    def close(self) -> None:
        """Forget all, and remove the directory."""
        if self._directory.exists():
            for volume_id in self.volume_ids():
                self.forget(volume_id)
            self._directory.rmdir()

    def get(self, volume_id: str) -> str:
        """Return a volume's; nothing where it is not known."""
        try:
            return self._path(volume_id).read_text()
        except FileNotFoundError:
            return ""

    def keep(self, volume_id: str, passphrase: str) -> None:
        """Keep a volume's while it is in use."""
        write_atomically(self._path(volume_id), passphrase, synced=False)

    def forget(self, volume_id: str) -> None:
        """Overwrite and remove a volume's; absent is fine."""
        path = self._path(volume_id)
        try:
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return
        path.unlink(missing_ok=True)

    def volume_ids(self) -> list[str]:
        """Return whose are here."""
        return sorted(path.name for path in self._directory.iterdir())

    def _path(self, volume_id: str) -> Path:
        return self._directory / volume_id


def _first_slot_alone(header: bytes) -> bytes:
    """Return a header without the noise in the places of keys that there are none of."""
    payload, key_bytes = struct.unpack_from(">2I", header, _PAYLOAD)
    place, stripes = _SLOT.unpack_from(header, _FIRST_SLOT)
    start = place * _SECTOR
    end = start + key_bytes * stripes
    found = bytearray(payload * _SECTOR)
    found[:_HEADER], found[start:end] = header[:_HEADER], header[start:end]
    return bytes(found)
