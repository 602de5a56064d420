"""Hostile and broken disks are refused with the reason, sound ones pass: the whole attack corpus."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from image.exceptions import ImageRefused
from image.inspection import InspectedStream, check_stored, inspect_file
from tests.builders import disks
from tests.builders.hostile_images import HOSTILE
from tests.builders.sound_images import SOUND, Case

LIMIT = 16 * 1024**4


def drain(source: InspectedStream, *, until: int) -> None:
    while source.total < until and source.read(65536):
        pass


def inspect(tmp_path: Path, case: Case, *, chunk: int = 65536) -> int:
    """What an upload does: inspect while the data comes in, then what was stored."""
    data = case.make()
    source = InspectedStream(
        io.BytesIO(data),
        disk_format=case.disk_format,
        container_format=case.container,
        max_virtual_size=LIMIT,
    )
    path = tmp_path / "disk"
    with path.open("wb") as file:
        while piece := source.read(chunk):
            file.write(piece)
    assert path.read_bytes() == data
    with path.open("rb") as file:
        check_stored(file, disk_format=case.disk_format, container_format=case.container)
    return source.virtual_size


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("chunk", [10_007, 1024 * 1024])
def test_hostile_disk_is_refused(tmp_path: Path, name: str, chunk: int) -> None:
    with pytest.raises(ImageRefused) as refused:
        inspect(tmp_path, HOSTILE[name], chunk=chunk)
    assert HOSTILE[name].reason in refused.value.message
    assert refused.value.status == 415


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused(tmp_path: Path, name: str) -> None:
    """As an import asks: the file is there already."""
    case = HOSTILE[name]
    path = tmp_path / "disk"
    path.write_bytes(case.make())
    with path.open("rb") as file, pytest.raises(ImageRefused) as refused:
        inspect_file(
            file,
            disk_format=case.disk_format,
            container_format=case.container,
            max_virtual_size=LIMIT,
        )
    assert case.reason in refused.value.message


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("chunk", [10_007, 1024 * 1024])
def test_sound_disk_passes(tmp_path: Path, name: str, chunk: int) -> None:
    case = SOUND[name]
    assert inspect(tmp_path, case, chunk=chunk) == (case.virtual_size or len(case.make()))


@pytest.mark.parametrize("name", ["qcow2", "vmdk", "vdi", "vhd", "fixed vhd", "vhdx"])
def test_a_disk_over_the_limit_is_refused(tmp_path: Path, name: str) -> None:
    case = SOUND[name]
    path = tmp_path / "disk"
    path.write_bytes(case.make())
    with path.open("rb") as file:
        size = inspect_file(
            file, disk_format=case.disk_format, container_format="bare", max_virtual_size=LIMIT
        )
        with pytest.raises(ImageRefused, match="over the limit"):
            inspect_file(
                file,
                disk_format=case.disk_format,
                container_format="bare",
                max_virtual_size=size - 1,
            )


def test_wrong_format_is_refused_long_before_the_end() -> None:
    class Endless:
        served = 0

        def read(self, size: int, /) -> bytes:
            self.served += size
            return b"x" * size

    stream = Endless()
    source = InspectedStream(
        stream, disk_format="qcow2", container_format="bare", max_virtual_size=LIMIT
    )
    with pytest.raises(ImageRefused):
        drain(source, until=64 * 1024**2)
    assert stream.served <= 4 * 1024**2


@pytest.mark.parametrize("cut", range(0, 6 * disks.CLUSTER, 4099))
def test_no_truncation_of_a_full_qcow2_passes(tmp_path: Path, cut: int) -> None:
    whole = disks.qcow2(size=1024**3, clusters=[b"a"])
    with pytest.raises(ImageRefused):
        inspect(tmp_path, Case("qcow2", lambda: whole[: min(cut, 5 * disks.CLUSTER)]))
