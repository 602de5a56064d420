"""Bitmaps and locks that nobody needs are seen in the files of a pool, and taken away, in use or not."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb import process
from cloudweb.driver import DriverError, Unguarded
from cloudweb.image_cache.cache import ImageCache
from tests.builders.lvm_bench import LvmBench
from tests.builders.volume_bench import FileBench, export_of, unexport_of
from tests.infrastructure import wait_until
from volume.agent import VolumeAgent
from volume.backups.objects import BackupPoint
from volume.drivers.file.qmp import DaemonSilent
from volume.objects import Held, VolumeSpec

pytestmark = pytest.mark.both_databases
WORK = Unguarded()


@pytest.fixture
def bench() -> Iterator[FileBench]:
    made = FileBench()
    yield made
    made.close()


@pytest.fixture
def agent(bench: FileBench, tmp_path: Path) -> VolumeAgent:
    images = ImageCache(tmp_path / "images", 1 << 30)
    return VolumeAgent({"file": bench.driver}, images, tmp_path / "agent")


def look(agent: VolumeAgent) -> Held:
    agent.tidy()
    assert agent._held is not None
    return agent._held


def test_bitmaps_of_others_go_and_what_the_volumes_hold_stays(
    bench: FileBench, agent: VolumeAgent
) -> None:
    resting, served = bench.spec(), bench.spec()
    for spec in (resting, served):
        agent.create(spec, WORK)
        bench.write(spec.ref, "kept")
        path = str(bench.driver.files.get(spec.ref.id).path)
        for name in ("monday", "tuesday"):
            process.run("qemu-img", "bitmap", "--add", "-f", "qcow2", path, name)
    request = export_of(served, "h1")
    connection = agent.export(request, WORK)
    left = look(agent).left
    assert {(one.kind, one.volume.id, one.name) for one in left} == {
        ("bitmap", spec.ref.id, name)
        for spec in (resting, served)
        for name in ("monday", "tuesday")
    }
    for one in [*left, left[0]]:  # an order may come twice
        agent.clear(one, WORK)
    assert look(agent).left == ()
    assert bench.write_through(connection, "goes on")
    agent.unexport(unexport_of(request), WORK)
    assert (bench.read(resting.ref), bench.read(served.ref)) == ("kept", "goes on")


def test_a_point_that_a_busy_daemon_may_hold_is_said_to_be_nobodys_by_none(
    bench: FileBench, agent: VolumeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its file went while the daemon writes to it; and who looks waits for no answer."""
    spec = bench.spec()
    agent.create(spec, WORK)
    agent.export(request := export_of(spec, "h1"), WORK)
    point = BackupPoint(id=str(uuid.uuid4()), source=spec.ref)
    bench.driver.hold_point(point, work=WORK)

    def silent(*_: str) -> bool:
        raise DaemonSilent

    with monkeypatch.context() as busy:
        busy.setattr(bench.driver.daemons, "holds_point", silent)
        assert look(agent).left == ()
    (left,) = look(agent).left
    assert (left.volume.id, left.name) == (spec.ref.id, point.id)
    agent.clear(left, WORK)
    agent.unexport(unexport_of(request), WORK)


def serve(bench: FileBench, spec: VolumeSpec, name: str, pid_file: str) -> None:
    """Have a program keep a volume open as one does to which nobody comes."""
    sockets, path = bench.driver._sockets, str(bench.driver.files.get(spec.ref.id).path)
    process.run(
        "qemu-nbd", "--fork", "--format=qcow2", f"--socket={sockets / name}",
        f"--pid-file={sockets / pid_file}", path,
    )  # fmt: skip


def test_a_lock_of_a_program_of_ours_goes_and_that_of_a_stranger_is_said(
    bench: FileBench, agent: VolumeAgent
) -> None:
    ours, theirs, served = (bench.spec() for _ in range(3))
    for spec in (ours, theirs, served):
        agent.create(spec, WORK)
    request = export_of(served, "h1")
    agent.export(request, WORK)
    serve(bench, ours, "p1", f"p1.{os.getpid()}-0")  # of a process that had this pid before
    serve(bench, theirs, "theirs", "theirs.pid")
    locks = {one.volume.id: one for one in look(agent).left}
    assert {(one.kind, key) for key, one in locks.items()} == {
        ("lock", ours.ref.id),
        ("lock", theirs.ref.id),
    }
    agent.clear(locks[ours.ref.id], WORK)
    with pytest.raises(DriverError, match="somebody else's has the volume open"):
        agent.clear(locks[theirs.ref.id], WORK)
    agent.clear(locks[theirs.ref.id].model_copy(update={"volume": served.ref}), WORK)
    assert [one.volume.id for one in look(agent).left] == [theirs.ref.id]
    pid = process.read_pid(bench.driver._sockets / "theirs.pid")
    process.stop(pid or 0, exe="qemu-nbd")
    wait_until(lambda: look(agent).left == (), what="the stranger is gone")
    agent.unexport(unexport_of(request), WORK)


def test_a_logical_volume_that_a_stranger_has_open_is_seen() -> None:
    bench = LvmBench()
    try:
        spec = bench.spec()
        bench.driver.create(spec, image=None, work=WORK)
        bench.lvm.opened.add(f"volume-{spec.ref.id}")
        (left,) = bench.driver.held().left
        assert (left.kind, left.volume.id) == ("lock", spec.ref.id)
        with pytest.raises(DriverError, match="somebody else's has the volume open"):
            bench.driver.clear(left, work=WORK)
        bench.lvm.opened.clear()
        bench.driver.clear(left, work=WORK)
        assert bench.driver.held().left == ()
    finally:
        bench.close()
