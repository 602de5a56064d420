"""What others left becomes a volume, and a volume is left to others: on every driver that can, whatever breaks off."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import DriverError, Interrupted, Unguarded
from tests.builders.ceph_bench import CephBench
from tests.builders.lvm_bench import LvmBench
from tests.builders.volume_bench import (
    MIB,
    SIZE,
    FakeVolumeBench,
    FileBench,
    VolumeBench,
    export_of,
    new_ref,
    snapshot_of,
    unexport_of,
)
from tests.builders.work import CountedWork
from volume.drivers.base import NoSuchSnapshot, NoSuchVolume, VolumeInUse, capabilities
from volume.drivers.file.locking import is_open
from volume.objects import (
    Manageable,
    ManageRequest,
    SnapshotManageRequest,
    SnapshotRef,
    UnmanageRequest,
    VolumeRef,
)

WORK = Unguarded()


@pytest.fixture(params=["fake", "file", "lvm", pytest.param("ceph", marks=pytest.mark.host)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VolumeBench]:
    made: Any
    if request.param == "ceph":
        made = CephBench(request.getfixturevalue("ceph"))
    else:
        made = {
            "fake": lambda: FakeVolumeBench(tmp_path), "file": FileBench, "lvm": LvmBench,
        }[request.param]()  # fmt: skip
    yield made
    for one in made.driver.manageable("default"):
        take(made, one.name)
    made.close()


@pytest.fixture
def files() -> Iterator[FileBench]:
    made = FileBench()
    yield made
    made.close()


def take(bench: VolumeBench, name: str) -> VolumeRef:
    ref = new_ref(bench.driver)
    state = bench.driver.manage(ManageRequest(volume=ref, name=name, size=SIZE), work=WORK)
    return ref.model_copy(update={"format": state.format})


def leave(bench: VolumeBench, ref: VolumeRef, name: str = "theirs.qcow2", work: Any = WORK) -> None:
    bench.driver.unmanage(UnmanageRequest(volume=ref, name=name), work=work)


def names(bench: VolumeBench) -> Sequence[str]:
    return [one.name for one in bench.driver.manageable("default")]


def written(bench: VolumeBench, **how: Any) -> VolumeRef:
    spec = bench.spec(**how)
    bench.driver.create(spec, image=None, work=WORK)
    bench.write(spec.ref, "kept")
    return spec.ref


def test_what_is_left_to_others_can_be_taken_again_and_grows_to_its_size(
    bench: VolumeBench,
) -> None:
    driver, ref = bench.driver, written(bench)
    for _ in range(2):
        leave(bench, ref)
        bench.restart()
    (found,) = bench.driver.manageable("default")
    assert (found.name, found.size, found.problem) == ("theirs.qcow2", SIZE, "")
    assert list(bench.driver.list()) == []
    again = new_ref(driver)
    request = ManageRequest(volume=again, name="theirs.qcow2", size=2 * SIZE)
    for _ in range(2):
        assert bench.driver.manage(request, work=WORK).size == 2 * SIZE
        bench.restart()
    assert names(bench) == []
    assert bench.read(again) == "kept"
    with pytest.raises(DriverError):
        take(bench, "theirs.qcow2")
    bench.driver.delete(again, work=WORK)
    assert list(bench.census()) == []


def test_nothing_is_written_over_and_what_somebody_has_stays(bench: VolumeBench) -> None:
    first, second = written(bench), written(bench)
    leave(bench, first)
    request = export_of(bench.spec(ref=second), bench.host)
    bench.driver.export(request, work=WORK)
    with pytest.raises(VolumeInUse):
        leave(bench, second)
    bench.driver.unexport(unexport_of(request), work=WORK)
    bench.write(second, "second")
    leave(bench, second)
    other = next(one for one in names(bench) if one != "theirs.qcow2")
    assert other.startswith(f"unmanaged-{second.id}")
    assert bench.read(take(bench, other)) == "second"
    assert bench.read(take(bench, "theirs.qcow2")) == "kept"
    for one in bench.driver.list():
        bench.driver.delete(new_ref(bench.driver).model_copy(update={"id": one.id}), work=WORK)


def test_broken_off_at_each_checkpoint_it_is_finished_or_taken_back(bench: VolumeBench) -> None:
    for way in ("finish", "take back"):
        for allowed in range(10):
            ref = written(bench)
            leave(bench, ref)
            request = ManageRequest(volume=ref, name="theirs.qcow2", size=2 * SIZE)
            broken = broken_off(
                lambda work, it=request: bench.driver.manage(it, work=work), allowed
            )
            bench.restart()
            if way == "take back":
                leave(bench, ref)
                assert names(bench) == ["theirs.qcow2"]
            bench.driver.manage(request, work=WORK)
            assert (names(bench), bench.read(ref)) == ([], "kept")
            leaving = broken_off(lambda work, it=ref: leave(bench, it, work=work), allowed)
            bench.restart()
            if way == "finish":
                leave(bench, ref)
            bench.driver.manage(request, work=WORK)
            assert (names(bench), bench.read(ref)) == ([], "kept")
            bench.driver.delete(ref, work=WORK)
            assert list(bench.census()) == []
            if not (broken or leaving):
                break
        else:
            pytest.fail("it never ends")


def broken_off(act: Any, allowed: int) -> bool:
    try:
        act(CountedWork(allowed))
    except Interrupted:
        return True
    return False


def test_snapshots_are_taken_and_left_where_a_back_end_has_them(bench: VolumeBench) -> None:
    driver = bench.driver
    if "manage_snapshots" not in capabilities(driver):
        return
    ref = written(bench)
    snapshot = snapshot_of(bench.spec(ref=ref))
    driver.snapshot(snapshot, work=WORK)
    with pytest.raises(VolumeInUse):
        leave(bench, ref)
    request = SnapshotManageRequest(snapshot=snapshot, name="nightly")
    for _ in range(2):
        driver.unmanage_snapshot(request, work=WORK)
    assert driver.manageable_snapshots("default", ref.id) == driver.manageable_snapshots("default")
    (found,) = driver.manageable_snapshots("default")
    assert found == Manageable(name="nightly", size=SIZE, volume_id=ref.id)
    with pytest.raises(VolumeInUse):
        driver.delete(ref, work=WORK)
    again = SnapshotRef(id=str(uuid.uuid4()), volume=ref)
    request = SnapshotManageRequest(snapshot=again, name="nightly")
    for _ in range(2):
        assert driver.manage_snapshot(request, work=WORK).size == SIZE
    with pytest.raises(NoSuchSnapshot):
        driver.manage_snapshot(request.model_copy(update={"snapshot": snapshot}), work=WORK)
    nowhere = SnapshotRef(id=again.id, volume=new_ref(driver))
    with pytest.raises(NoSuchVolume):
        driver.manage_snapshot(request.model_copy(update={"snapshot": nowhere}), work=WORK)
    driver.delete_snapshot(again, work=WORK)
    driver.delete(ref, work=WORK)


def test_a_file_that_cannot_be_a_volume_says_why(files: FileBench) -> None:
    pool = files.driver.files.directory
    process.run("qemu-img", "create", "-q", "-f", "qcow2", str(pool / "good.qcow2"), "1M")
    qcow2 = ("qemu-img", "create", "-q", "-f", "qcow2")
    process.run(*qcow2, "-b", "good.qcow2", "-F", "qcow2", str(pool / "above.qcow2"))
    process.run(*qcow2, "-o", "compat=0.10", str(pool / "old.qcow2"), "1M")
    process.run(*qcow2, str(pool / "snapshot.qcow2"), "1M")
    process.run("qemu-img", "snapshot", "-c", "x", str(pool / "snapshot.qcow2"))
    (pool / "named.raw").write_bytes((pool / "good.qcow2").read_bytes())
    (pool / "good.img").write_bytes(b"x" * MIB)
    (pool / "empty.raw").touch()
    (pool / "text.qcow2").write_text("nothing of a disk")
    (pool / "what.vmdk").write_bytes(b"x")
    (pool / "twice.raw").write_bytes(b"x")
    (pool / "once.raw").hardlink_to(pool / "twice.raw")
    (pool / "link.raw").symlink_to("/etc/passwd")
    (pool / "directory.raw").mkdir()
    words = {
        "above.qcow2": "backing file",
        "directory.raw": "no file itself",
        "empty.raw": "empty",
        "good.img": "",
        "good.qcow2": "",
        "link.raw": "no file itself",
        "named.raw": "holds is qcow2",
        "old.qcow2": "old version 2",
        "once.raw": "other names",
        "snapshot.qcow2": "internal snapshots",
        "text.qcow2": "truncated",
        "twice.raw": "other names",
        "what.vmdk": "must end with",
    }
    found = {one.name: one for one in files.driver.manageable("default")}
    assert found.keys() == words.keys()
    for name, word in words.items():
        problem = found[name].problem
        assert (word in problem) if word else problem == "", (name, problem)
        if word:
            with pytest.raises(DriverError):
                take(files, name)
    for name in ("../pool/good.img", "volume-x", ".", "", "nowhere.raw"):
        with pytest.raises(DriverError):
            take(files, name)
        assert not files.driver.manageable("default", name) or not name
    raw = take(files, "good.img")
    assert (raw.format, files.driver.get(raw).size) == ("raw", SIZE)
    assert files.driver.files.get(raw.id).path.stat().st_mode & 0o777 == 0o600


def test_a_thin_volume_that_is_open_cannot_be_a_volume_and_names_are_lvm_s() -> None:
    bench = LvmBench()
    try:
        ref = written(bench)
        for wanted in ("-x", "snapshot1", "a_tmeta", "a/b", "pool", ""):
            leave(bench, ref, wanted)
            (name,) = names(bench)
            assert name == f"unmanaged-{ref.id}"
            bench.lvm.opened = {name}
            assert [one.problem for one in bench.driver.manageable("default")] == ["It is in use."]
            with pytest.raises(DriverError):
                take(bench, name)
            bench.lvm.opened = set()
            ref = take(bench, name)
    finally:
        bench.close()


def test_a_file_that_a_qemu_has_open_is_in_use(files: FileBench) -> None:
    ref = written(files)
    path = files.driver.files.get(ref.id).path
    request = export_of(files.spec(ref=ref), files.host)
    files.driver.export(request, work=WORK)
    assert is_open(path)
    files.driver.unexport(unexport_of(request), work=WORK)
    assert not is_open(path)


def test_a_volume_above_an_image_is_left_as_a_whole(files: FileBench) -> None:
    source, image = files.image("word")
    spec = files.spec(source=source)
    files.driver.create(spec, image=image, work=WORK)
    clone = files.spec(source=spec.ref)
    files.driver.create(clone, image=None, work=WORK)
    leave(files, spec.ref)
    files.driver.delete(clone.ref, work=WORK)
    left = files.driver.files.directory / "theirs.qcow2"
    assert b"backing" not in process.run("qemu-img", "info", str(left)).stdout
    for base in (files.driver.files.directory / "bases").iterdir():
        base.unlink()
    assert files.read(take(files, "theirs.qcow2")) == "word"
