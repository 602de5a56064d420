"""The disk of a guest's data: its file system grows when the disk has, not when the order says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from databases.guest import commands, volume
from databases.guest.volume import NoVolume

MIB = 1024**2
TOLD = {"serial": "data1", "mount_point": "/"}


class Disk:
    """A disk of 1024 MiB which is larger when it was waited for so many times."""

    def __init__(self, home: Path, *, waits: int) -> None:
        self._size, self._waits = home / "vdb" / "size", waits
        (home / "vdb").mkdir()
        (home / "vdb" / "serial").write_text("data1\n")
        self.be(1024 * MIB)
        self.grown_at: list[int] = []

    def be(self, size: int) -> None:
        self._size.write_text(f"{size // 512}\n")

    def sleep(self, _seconds: float) -> None:
        self._waits -= 1
        if self._waits == 0:
            self.be(2048 * MIB - 16 * MIB)  # it is encrypted

    def run(self, *words: str, **_: Any) -> str:
        assert words == ("resize2fs", "/dev/vdb")
        self.grown_at.append(volume.room_of("/dev/vdb"))
        return ""


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> Disk:
    made = Disk(tmp_path, waits=request.param)
    monkeypatch.setattr(volume, "BLOCK", tmp_path)
    monkeypatch.setattr("time.sleep", made.sleep)
    monkeypatch.setattr(commands, "run", made.run)
    return made


@pytest.mark.parametrize("disk", [3], indirect=True)
def test_a_disk_that_grows_late_is_waited_for(disk: Disk) -> None:
    found = volume.grown(TOLD, size=2048 * MIB)
    assert disk.grown_at == [2032 * MIB]
    assert found["total"] > 0


@pytest.mark.parametrize("disk", [0], indirect=True)
def test_one_that_never_does_is_told(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "PATIENCE", 0.0)
    with pytest.raises(NoVolume):
        volume.grown(TOLD, size=2048 * MIB)
    assert disk.grown_at == []
