"""Encrypted volumes in files: made, written and read with their key, which programs get by standard input."""

from __future__ import annotations

import json
from typing import Any

from cloudweb import process
from tests.builders.volume_bench import FileBench, export_of
from volume.drivers.file.daemon import chain_node
from volume.drivers.file.luks import SECRET_OBJECT
from volume.objects import ExportRequest, VolumeEncryption, VolumeRef, VolumeSpec

KEY = "correct-horse-battery-staple"
ENCRYPTION = VolumeEncryption(passphrase=KEY)


class EncryptedFileBench(FileBench):
    """Files of volumes that all have one key."""

    def spec(self, **overrides: Any) -> VolumeSpec:
        return super().spec(**{"encryption": ENCRYPTION, **overrides})

    def export_of(self, spec: VolumeSpec, host: str = "h1", **overrides: Any) -> ExportRequest:
        """Ask for a volume with its key."""
        return export_of(spec, host, **{"passphrase": KEY, **overrides})

    def target(self, ref: VolumeRef) -> list[str]:
        """Return what qemu-io is told to open a volume that nobody uses."""
        chain = [*self.driver.files.chain(self.driver.files.get(ref.id))]
        return [*SECRET_OBJECT, f"json:{json.dumps(chain_node(chain))}"]

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
        return process.run("qemu-io", *self.target(ref), *words, data=key.encode(), check=False)

    def on_disk(self) -> bytes:
        """Return all that lies in the pool, one file after the other."""
        files = sorted(path for path in (self.directory / "pool").rglob("*") if path.is_file())
        return b"".join(path.read_bytes() for path in files if not path.is_symlink())
