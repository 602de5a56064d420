"""Encrypted volumes: made, written and read with their key, which programs get by standard input."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudweb import process
from tests.builders.ceph_bench import CephBench
from tests.builders.lvm_bench import LvmBench
from tests.builders.volume_bench import FileBench, export_of
from volume.drivers.file.nodes import block_node, chain_node
from volume.drivers.luks import SECRET_OBJECT, named, opened_node
from volume.objects import ExportRequest, VolumeEncryption, VolumeRef, VolumeSpec

KEY = "correct-horse-battery-staple"
ENCRYPTION = VolumeEncryption(passphrase=KEY)


class Encrypted:
    """Volumes that all have one key; before the bench of their driver."""

    directory: Path

    def spec(self, **overrides: Any) -> VolumeSpec:
        made: VolumeSpec = super().spec(**{"encryption": ENCRYPTION, **overrides})  # type: ignore[misc]
        return made

    def export_of(self, spec: VolumeSpec, host: str = "h1", **overrides: Any) -> ExportRequest:
        """Ask for a volume with its key."""
        return export_of(spec, host, **{"passphrase": KEY, **overrides})

    def node(self, ref: VolumeRef) -> Mapping[str, Any]:
        """Return what a volume that nobody uses is to QEMU."""
        raise NotImplementedError

    def on_disk(self) -> bytes:
        """Return all that lies in the pool, one after the other."""
        raise NotImplementedError

    def write(self, ref: VolumeRef, word: str) -> None:
        pattern = self.directory / "pattern"
        pattern.write_bytes(word.encode().ljust(512, b"\0"))
        done = self.io(ref, f"write -s {pattern} 0 512")
        assert b"wrote 512/512" in done.stdout, done

    def read(self, ref: VolumeRef) -> str:
        text = self.io(ref, "read -v 0 512").text
        rows = [line.split(":  ")[1].split("  ")[0] for line in text.splitlines() if ":  " in line]
        return bytes.fromhex("".join(rows)).rstrip(b"\0").decode()

    def io(self, ref: VolumeRef, *commands: str, key: str = KEY) -> process.Completed:
        """Do something with a volume that nobody uses."""
        words = [word for command in commands for word in ("-c", command)]
        target = (*SECRET_OBJECT, named(self.node(ref)))
        return process.run("qemu-io", *target, *words, data=key.encode(), check=False)


class EncryptedFileBench(Encrypted, FileBench):
    """In files."""

    def node(self, ref: VolumeRef) -> Mapping[str, Any]:
        return chain_node([*self.driver.files.chain(self.driver.files.get(ref.id))])

    def on_disk(self) -> bytes:
        files = sorted(path for path in (self.directory / "pool").rglob("*") if path.is_file())
        return b"".join(path.read_bytes() for path in files if not path.is_symlink())


class EncryptedLvmBench(Encrypted, LvmBench):
    """In a thin pool."""

    def node(self, ref: VolumeRef) -> Mapping[str, Any]:
        return opened_node(block_node(self.lvm.place / f"volume-{ref.id}"))

    def on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.lvm.place.iterdir()))


class EncryptedCephBench(Encrypted, CephBench):
    """In Ceph."""

    def digest(self, ref: VolumeRef, length: int) -> str:
        plain = self.directory / "plain"
        words = (*SECRET_OBJECT, "-O", "raw", named(self.node(ref)), str(plain))
        process.run("qemu-img", "convert", *words, data=KEY.encode())
        return hashlib.md5(plain.read_bytes()[:length], usedforsecurity=False).hexdigest()

    def node(self, ref: VolumeRef) -> Mapping[str, Any]:
        return opened_node(self.driver.cluster.node(f"{ref.pool}/volume-{ref.id}"))

    def on_disk(self) -> bytes:
        found = []
        for name in self.driver.images.names("default"):
            path = self.directory / "raw"
            location = self.driver.cluster.location(f"default/{name}")
            process.run("qemu-img", "convert", "-f", "raw", "-O", "raw", location, str(path))
            found.append(path.read_bytes())
        return b"".join(found)
