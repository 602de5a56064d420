"""What the LVM driver says is said to a real LVM, over a real thin pool, in a guest whose kernel has one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import Unguarded
from cloudweb.process import Completed
from tests.builders.lvm_bench import LvmBench
from tests.builders.lvm_guest import missing, run_in_guest
from tests.builders.volume_bench import SIZE, snapshot_of
from volume.backups.objects import BackupPoint
from volume.drivers.lvm.group import Group
from volume.objects import ResizeRequest

pytestmark = [pytest.mark.host, pytest.mark.timeout(400)]

WORK = Unguarded()
POOL = (
    "pvcreate /dev/vda",
    "vgcreate vg /dev/vda",
    "lvcreate --type thin-pool --size 800M --name pool vg",
)


def test_lvm_does_what_the_driver_says(tmp_path: Path) -> None:
    if why := missing():
        pytest.skip(why)
    bench = LvmBench()
    try:
        commands, kept_in, copied_in, held_in, volume_in = _life(bench)
    finally:
        bench.close()
    answers = run_in_guest([*POOL, *commands], tmp_path)
    assert [one.command for one in answers] == [*POOL, *commands]
    assert [one for one in answers if one.returncode] == []
    read = {one.command: one.output.strip() for one in answers}
    assert [read[name] for name in (kept_in, copied_in, held_in, volume_in)] == [
        "then", "next", "held", "then",
    ]  # fmt: skip
    looks = [one for one in answers if one.command.startswith("lvs ")]

    def last(*_: str, **__: Any) -> Completed:
        return Completed(0, looks[-1].output.encode(), b"")

    found, usage = Group("vg", "pool", run=last).look()
    kinds = {name.partition("-")[0]: (one.size, one.active) for name, one in found.items()}
    assert kinds == {"volume": (4 * SIZE, True), "kept": (2 * SIZE, False)}
    assert len(found) == 3
    assert usage.size == 800 * 1024**2
    assert 0 < usage.data < 0.01


def _life(bench: LvmBench) -> tuple[list[str], str, str, str, str]:
    """Do all that the driver can; return what it said, with what was written and read in between."""
    driver, said = bench.driver, bench.lvm.commands
    said.clear()
    spec = bench.spec()

    def write(word: str) -> None:
        said.append((f"echo {word} | dd of=/dev/vg/volume-{spec.ref.id} bs=512 conv=sync,fsync",))

    def read(name: str) -> str:
        said.append((f"head -c 4 /dev/vg/{name}",))
        return said[-1][0]

    driver.create(spec, image=None, work=WORK)
    write("then")
    driver.resize(ResizeRequest(volume=spec.ref, size=2 * SIZE), work=WORK)
    snapshot = snapshot_of(spec)
    driver.snapshot(snapshot, work=WORK)
    write("next")
    copy = bench.spec(source=spec.ref, size=4 * SIZE)
    driver.create(copy, image=None, work=WORK)
    copied_in = read(f"volume-{copy.ref.id}")
    write("held")
    point = BackupPoint(id=spec.ref.id, source=spec.ref)
    driver.hold_point(point, work=WORK)
    write("last")
    with driver.reading(point):
        held_in = read(f"point-{point.id}")
    driver.release_point(point, work=WORK)
    driver.resize(ResizeRequest(volume=spec.ref, size=4 * SIZE), work=WORK)
    driver.revert(snapshot, work=WORK)
    volume_in = read(f"volume-{spec.ref.id}")
    other = bench.spec(source=snapshot, size=2 * SIZE)
    driver.create(other, image=None, work=WORK)
    kept_in = read(f"volume-{other.ref.id}")
    driver.delete(other.ref, work=WORK)
    driver.list()
    return [" ".join(command) for command in said], kept_in, copied_in, held_in, volume_in
