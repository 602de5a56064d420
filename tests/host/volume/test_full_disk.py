"""A pool of files whose disk is full: what is asked of it then fails, what was there stays, and later it works."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from io import FileIO
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import Unguarded, is_full
from tests.builders.volume_bench import SIZE, FileBench, export_of, snapshot_of, unexport_of
from volume.backups.objects import BackupPoint
from volume.objects import ResizeRequest

pytestmark = pytest.mark.host
WORK = Unguarded()


class SmallBench(FileBench):
    """Its pool is a file system of its own."""

    def restart(self) -> None:
        pool = self.directory / "pool"
        pool.mkdir()
        process.run("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(pool))
        super().restart()

    def fill(self) -> None:
        with (
            (self.directory / "pool" / "filler").open("wb", buffering=0) as file,
            pytest.raises(OSError, match="No space left"),
        ):
            _write_on(file)

    def make_room(self) -> None:
        (self.directory / "pool" / "filler").unlink()

    def close(self) -> None:
        self.driver.delete_everything()
        process.run("umount", str(self.directory / "pool"))
        shutil.rmtree(self.directory)


def _write_on(file: FileIO) -> None:
    while True:
        file.write(bytes(4096))


@pytest.fixture
def bench() -> Iterator[SmallBench]:
    made = SmallBench()
    yield made
    made.close()


def fails(act: Callable[[], Any]) -> bool:
    """Tell whether it failed because the disk is full."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - what it was is what is asked
        return is_full(error)
    return False


def test_what_is_asked_of_a_full_pool_leaves_nothing_half_made(bench: SmallBench) -> None:
    driver = bench.driver
    source, image = bench.image("word")
    spec = bench.spec(source=source)
    driver.create(spec, image=image, work=WORK)
    bench.write(spec.ref, "kept")
    request = export_of(spec, "h1")
    other, clone, snapshot = (
        bench.spec(),
        bench.spec(source=spec.ref, size=2 * SIZE),
        snapshot_of(spec),
    )
    point = BackupPoint(id=spec.ref.id, source=spec.ref)
    acts: list[Callable[[], Any]] = [
        lambda: driver.create(other, image=None, work=WORK),
        lambda: driver.create(clone, image=None, work=WORK),
        lambda: driver.snapshot(snapshot, work=WORK),
    ]
    bench.fill()
    before = [*bench.census()]
    assert [fails(act) for act in acts] == [True] * 3
    connection = driver.export(request, work=WORK)
    acts.append(lambda: driver.hold_point(point, work=WORK))
    assert [fails(act) for act in acts] == [True] * 4
    driver.unexport(unexport_of(request), work=WORK)
    assert [*bench.census()] == before
    connection = driver.export(request, work=WORK)
    bench.make_room()
    assert bench.write_through(connection, "after")
    for act in acts:
        act()
    driver.release_point(point, work=WORK)
    driver.resize(ResizeRequest(volume=spec.ref, size=2 * SIZE), work=WORK)
    driver.unexport(unexport_of(request), work=WORK)
    assert bench.read(clone.ref) == "after"
    driver.delete_snapshot(snapshot, work=WORK)
    for one in (clone, other, spec):
        driver.delete(one.ref, work=WORK)
    driver.tidy(lambda *_: nullcontext())
    assert [name for name in bench.census() if not name.startswith("bases/")] == []
