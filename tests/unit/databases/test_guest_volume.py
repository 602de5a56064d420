"""The disk of a guest's data: its file system grows when the disk has, not when the order says so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from databases.guest import commands, volume
from databases.guest.drivers.postgresql_replicas import ReplicatingPostgreSql
from databases.guest.place import Place
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_data_of_another_images_user_become_its_own(tmp_path: Path) -> None:
    data, log, kept = (tmp_path / f"postgresql{end}" for end in ("", ".log", ".following"))
    (data / "base").mkdir(parents=True)
    for path in (data / "base" / "1", log, kept):
        path.write_text("")
    for path in (data, data / "base", data / "base" / "1", log):
        os.chown(path, 12345, 12345)
    place = Place(data=data, run=tmp_path, port=5432, user="nobody")
    for _again in range(2):
        ReplicatingPostgreSql(place).adopt()
    theirs, ours = place.owner, (0, 0)
    for path in (data, data / "base", data / "base" / "1", log):
        assert (path.stat().st_uid, path.stat().st_gid) == theirs, path
    assert (kept.stat().st_uid, kept.stat().st_gid) == ours  # what was the agent's stays so
