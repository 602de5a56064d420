"""What the agent relies on, on every volume driver: the same suite on the fake and the real ones."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

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
from volume.backups.objects import BackupPoint
from volume.backups.on_host import HostBackups
from volume.drivers.base import (
    MirrorBroken,
    NoSuchPool,
    NoSuchSnapshot,
    NoSuchVolume,
    VolumeInUse,
    capabilities,
)
from volume.objects import CopyRequest, ReimageRequest, ResizeRequest, VolumeSpec
from volume.uploads.objects import UploadRequest
from volume.uploads.on_host import HostUploads

WORK = Unguarded()


def make_bench(request: pytest.FixtureRequest, directory: Path) -> VolumeBench:
    if request.param == "fake":
        return FakeVolumeBench(directory)
    if request.param == "file":
        return FileBench()
    if request.param == "lvm":
        return LvmBench()
    return CephBench(request.getfixturevalue("ceph"))


@pytest.fixture(params=["fake", "file", "lvm", pytest.param("ceph", marks=pytest.mark.host)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VolumeBench]:
    made = make_bench(request, tmp_path)
    yield made
    made.close()


def make(bench: VolumeBench, **overrides: Any) -> VolumeSpec:
    spec = bench.spec(**overrides)
    bench.driver.create(spec, image=None, work=WORK)
    return spec


def test_made_twice_there_is_one_and_deleted_twice_there_is_nothing(bench: VolumeBench) -> None:
    driver = bench.driver
    spec = bench.spec()
    for _ in range(2):
        state = driver.create(spec, image=None, work=WORK)
        assert (state.id, state.size, state.attachments) == (spec.ref.id, SIZE, ())
    assert [one.id for one in driver.list()] == [spec.ref.id]
    (pool,) = driver.pools()
    assert (pool.backend, pool.name, pool.free > 0) == (driver.backend, "default", True)
    for _ in range(2):
        driver.delete(spec.ref, work=WORK)
    assert list(driver.list()) == []
    assert list(bench.census()) == []


def test_what_is_not_there(bench: VolumeBench) -> None:
    driver, spec = bench.driver, bench.spec()
    driver.delete(spec.ref, work=WORK)
    driver.unexport(unexport_of(export_of(spec, bench.host)), work=WORK)
    driver.delete_snapshot(snapshot_of(spec), work=WORK)
    calls: list[Callable[[], object]] = [
        lambda: driver.get(spec.ref),
        lambda: driver.resize(ResizeRequest(volume=spec.ref, size=SIZE), work=WORK),
        lambda: driver.export(export_of(spec, bench.host), work=WORK),
        lambda: driver.snapshot(snapshot_of(spec), work=WORK),
        lambda: driver.revert(snapshot_of(spec), work=WORK),
        lambda: driver.create(bench.spec(source=spec.ref), image=None, work=WORK),
    ]
    for call in calls:
        with pytest.raises(NoSuchVolume):
            call()
    with pytest.raises(NoSuchPool):
        driver.create(bench.spec(ref=new_ref(driver, pool="elsewhere")), image=None, work=WORK)
    there = make(bench)
    with pytest.raises(NoSuchSnapshot):
        driver.create(bench.spec(source=snapshot_of(there)), image=None, work=WORK)
    driver.delete(there.ref, work=WORK)
    assert list(bench.census()) == []


def test_a_volume_grows_keeps_what_it_holds_and_never_shrinks(bench: VolumeBench) -> None:
    spec = make(bench)
    bench.write(spec.ref, "kept")
    for _ in range(2):
        grown = bench.driver.resize(ResizeRequest(volume=spec.ref, size=2 * SIZE), work=WORK)
        assert grown.size == 2 * SIZE
    with pytest.raises(DriverError):
        bench.driver.resize(ResizeRequest(volume=spec.ref, size=SIZE), work=WORK)
    bench.restart()
    assert bench.driver.get(spec.ref).size == 2 * SIZE
    assert bench.read(spec.ref) == "kept"


def test_a_volume_holds_what_its_image_holds_and_is_larger(bench: VolumeBench) -> None:
    source, path = bench.image("cirros")
    specs = [bench.spec(source=source) for _ in range(2)]
    for spec in specs:
        bench.driver.create(spec, image=path, work=WORK)
        assert bench.read(spec.ref) == "cirros"
    bench.write(specs[0].ref, "mine")
    assert [bench.read(spec.ref) for spec in specs] == ["mine", "cirros"]
    if path is not None:
        path.unlink()  # the cache drops it
    assert bench.read(specs[1].ref) == "cirros"
    with pytest.raises(DriverError):
        bench.driver.create(bench.spec(source=source, size=MIB - 512), image=path, work=WORK)
    for spec in specs:
        bench.driver.delete(spec.ref, work=WORK)


def test_a_volume_is_written_anew_and_nothing_of_before_is_left(bench: VolumeBench) -> None:
    """Its snapshot keeps what it holds, and its size stays."""
    driver, spec, (source, path) = bench.driver, make(bench), bench.image("cirros")
    bench.write(spec.ref, "before")
    snapshot = snapshot_of(spec)
    driver.snapshot(snapshot, work=WORK)
    if path is not None:
        with driver.writing(spec.ref) as disk:
            disk.write(SIZE - 512, b"x" * 512)
    wanted = ReimageRequest(volume=spec.ref, image=source)
    for _ in range(2):
        driver.reimage(wanted, image=path, work=WORK)
        assert (bench.read(spec.ref), driver.get(spec.ref).size) == ("cirros", SIZE)
    if path is not None:
        with driver.writing(spec.ref) as disk:
            assert disk.read(SIZE - 512, 512) == bytes(512)
    large = wanted.model_copy(
        update={"image": source.model_copy(update={"virtual_size": SIZE + 512})}
    )
    with pytest.raises(DriverError, match="larger"):
        driver.reimage(large, image=path, work=WORK)
    request = export_of(spec, bench.host)
    driver.export(request, work=WORK)
    with pytest.raises(VolumeInUse):
        driver.reimage(wanted, image=path, work=WORK)
    driver.unexport(unexport_of(request), work=WORK)
    driver.revert(snapshot, work=WORK)
    assert bench.read(spec.ref) == "before"
    driver.delete_snapshot(snapshot, work=WORK)
    driver.delete(spec.ref, work=WORK)
    with pytest.raises(NoSuchVolume):
        driver.reimage(wanted, image=path, work=WORK)


def test_an_attachment_writes_until_it_is_cut_off_whoever_died_in_between(
    bench: VolumeBench,
) -> None:
    spec = make(bench)
    request = export_of(spec, bench.host)
    for _ in range(2):
        connection = bench.driver.export(request, work=WORK)
    assert (connection.volume_id, connection.size) == (spec.ref.id, SIZE)
    assert bench.write_through(connection, "first")
    bench.restart()
    assert bench.driver.exports() == {request.attachment_id: spec.ref.id}
    assert bench.driver.get(spec.ref).attachments == (request.attachment_id,)
    assert bench.driver.export(request, work=WORK) == connection
    assert bench.write_through(connection, "second")
    with pytest.raises(VolumeInUse):
        bench.driver.delete(spec.ref, work=WORK)
    for _ in range(2):
        bench.driver.unexport(unexport_of(request), work=WORK)
    assert bench.driver.exports() == {}
    assert not bench.write_through(connection, "too late")
    assert bench.read(spec.ref) == "second"
    bench.driver.delete(spec.ref, work=WORK)
    assert list(bench.census()) == []


def test_of_two_attachments_one_is_cut_off(bench: VolumeBench) -> None:
    """And one that may only read cannot write."""
    spec = make(bench)
    first = export_of(spec, bench.host, shared=True)
    second = export_of(spec, bench.host, shared=True, mode="ro")
    one, other = (bench.driver.export(request, work=WORK) for request in (first, second))
    assert (one.read_only, other.read_only) == (False, True)
    assert bench.write_through(one, "first")
    assert not bench.write_through(other, "never")
    third = export_of(spec, bench.host, shared=True)
    last = bench.driver.export(third, work=WORK)
    bench.driver.unexport(unexport_of(first), work=WORK)
    assert {*bench.driver.exports()} == {second.attachment_id, third.attachment_id}
    assert not bench.write_through(one, "too late")
    assert bench.write_through(last, "last")
    for request in (second, third):
        bench.driver.unexport(unexport_of(request), work=WORK)
    assert bench.read(spec.ref) == "last"


def test_a_volume_in_use_grows_and_goes_on(bench: VolumeBench) -> None:
    spec = make(bench)
    request = export_of(spec, bench.host)
    connection = bench.driver.export(request, work=WORK)
    assert bench.write_through(connection, "before")
    for _ in range(2):
        resize = ResizeRequest(volume=spec.ref, size=2 * SIZE)
        assert bench.driver.resize(resize, work=WORK).size == 2 * SIZE
    assert bench.driver.export(request, work=WORK).size == 2 * SIZE
    assert bench.write_through(connection, "after")
    bench.driver.unexport(unexport_of(request), work=WORK)
    assert bench.read(spec.ref) == "after"


def test_who_has_a_volume_goes_over_to_its_copy_and_notices_nothing(bench: VolumeBench) -> None:
    if "copies_in_use" not in capabilities(bench.driver):
        pytest.skip("its volumes are copied at rest")
    driver, spec, copy = bench.driver, make(bench), make(bench)
    mine, to_copy = export_of(spec, bench.host), export_of(copy, bench.host)
    connection = driver.export(mine, work=WORK)
    assert bench.write_through(connection, "before")
    request = CopyRequest(
        id=str(uuid.uuid4()), volume=spec.ref, target=driver.export(to_copy, work=WORK)
    )

    def mirror() -> None:
        for _ in range(2):
            bench.driver.mirror(request, work=WORK)
        done, total = 0, 1
        while done < total:
            done, total = bench.driver.mirrored(request)

    mirror()
    driver.end_mirror(request, work=WORK)
    with pytest.raises(MirrorBroken):
        driver.mirrored(request)
    mirror()
    assert bench.write_through(connection, "meanwhile")
    bench.restart()
    decided: list[str] = []
    for _ in range(2):
        bench.driver.follow(request, decided=lambda: decided.append("once"), work=WORK)
    assert decided == ["once"]
    assert bench.write_through(connection, "after")
    bench.restart()
    driver = bench.driver
    assert driver.export(mine, work=WORK) == connection
    with pytest.raises(NoSuchVolume):
        driver.get(spec.ref)
    driver.unexport(unexport_of(mine), work=WORK)
    assert not bench.write_through(connection, "too late")
    driver.unexport(unexport_of(to_copy), work=WORK)
    assert bench.read(copy.ref) == "after"
    for gone in (spec, copy):
        driver.delete(gone.ref, work=WORK)
    assert list(bench.census()) == []


@pytest.mark.parametrize("in_use", [False, True], ids=["at rest", "in use"])
def test_a_snapshot_keeps_what_was_there_and_goes_again(bench: VolumeBench, in_use: bool) -> None:
    driver, spec = bench.driver, make(bench)
    request = export_of(spec, bench.host)

    def write(word: str) -> None:
        if in_use:
            assert bench.write_through(driver.export(request, work=WORK), word)
        else:
            bench.write(spec.ref, word)

    write("one")
    first, second = snapshot_of(spec), snapshot_of(spec)
    for _ in range(2):
        taken = driver.snapshot(first, work=WORK)
        assert (taken.id, taken.volume_id, taken.size) == (first.id, spec.ref.id, SIZE)
    write("two")
    driver.snapshot(second, work=WORK)
    write("three")
    assert {*driver.get(spec.ref).snapshots} == {first.id, second.id}
    copies = [make(bench, source=source) for source in (first, second)]
    assert [bench.read(copy.ref) for copy in copies] == ["one", "two"]
    for _ in range(2):
        driver.delete_snapshot(first, work=WORK)
    assert [bench.read(copy.ref) for copy in copies] == ["one", "two"]
    write("four")
    for copy in copies:
        driver.delete(copy.ref, work=WORK)
    driver.delete_snapshot(second, work=WORK)
    write("five")
    bench.restart()
    driver = bench.driver
    assert driver.get(spec.ref).snapshots == ()
    driver.unexport(unexport_of(request), work=WORK)
    assert bench.read(spec.ref) == "five"
    with pytest.raises(NoSuchSnapshot):
        driver.revert(first, work=WORK)
    driver.delete(spec.ref, work=WORK)
    driver.tidy(lambda *ids: Held())
    assert list(bench.census()) == []


@pytest.mark.parametrize("bench", ["fake", "file"], indirect=True)
def test_snapshots_taken_together_hold_one_moment_whatever_was_broken_off(
    bench: VolumeBench,
) -> None:
    """Two volumes are in use, one is not: what some of them held before the break is held by none."""
    broken_off, through = 0, False
    while not through:
        specs = [make(bench) for _ in range(3)]
        requests = [export_of(spec, bench.host) for spec in specs[:2]]

        def write(word: str, specs: Any = specs, requests: Any = requests) -> None:
            for request in requests:
                connection = bench.driver.export(request, work=WORK)
                assert bench.write_through(connection, word)
            bench.write(specs[2].ref, word)

        refs = [snapshot_of(spec) for spec in specs]
        write("before")
        try:
            bench.driver.snapshot_together(refs, work=CountedWork(broken_off))
            through = True
        except Interrupted:
            bench.restart()
            write("between")
            bench.driver.snapshot_together(refs, work=WORK)
        write("after")
        bench.driver.snapshot_together(refs, work=WORK)
        copies = [make(bench, source=ref) for ref in refs]
        held = "before" if through else "between"
        assert [bench.read(copy.ref) for copy in copies] == [held] * 3, broken_off
        for copy in copies:
            bench.driver.delete(copy.ref, work=WORK)
        for ref in refs:
            bench.driver.delete_snapshot(ref, work=WORK)
        for request in requests:
            bench.driver.unexport(unexport_of(request), work=WORK)
        assert [bench.read(spec.ref) for spec in specs] == ["after"] * 3
        for spec in specs:
            bench.driver.delete(spec.ref, work=WORK)
        bench.driver.tidy(lambda *ids: Held())
        assert list(bench.census()) == []
        broken_off += 1
    assert broken_off >= 4


def test_a_clone_of_a_volume_in_use_goes_its_own_way(bench: VolumeBench) -> None:
    driver, spec = bench.driver, make(bench)
    request = export_of(spec, bench.host)
    connection = driver.export(request, work=WORK)
    assert bench.write_through(connection, "parent")
    clone = make(bench, source=spec.ref, size=2 * SIZE)
    assert bench.read(clone.ref) == "parent"
    assert bench.write_through(connection, "later")
    bench.write(clone.ref, "child")
    driver.unexport(unexport_of(request), work=WORK)
    assert [bench.read(one.ref) for one in (spec, clone)] == ["later", "child"]
    with pytest.raises(DriverError):
        driver.create(bench.spec(source=clone.ref), image=None, work=WORK)  # smaller
    driver.delete(spec.ref, work=WORK)
    assert bench.read(clone.ref) == "child"
    driver.tidy(lambda *ids: Held())
    assert bench.read(clone.ref) == "child"
    driver.delete(clone.ref, work=WORK)
    assert list(bench.census()) == []


def test_a_volume_is_taken_back_to_its_snapshot(bench: VolumeBench) -> None:
    driver, spec = bench.driver, make(bench)
    bench.write(spec.ref, "good")
    snapshot = snapshot_of(spec)
    driver.snapshot(snapshot, work=WORK)
    bench.write(spec.ref, "bad")
    driver.resize(ResizeRequest(volume=spec.ref, size=2 * SIZE), work=WORK)
    for _ in range(2):
        assert driver.revert(snapshot, work=WORK).size == 2 * SIZE
        assert bench.read(spec.ref) == "good"
    request = export_of(spec, bench.host)
    driver.export(request, work=WORK)
    with pytest.raises(VolumeInUse):
        driver.revert(snapshot, work=WORK)
    with pytest.raises(VolumeInUse):
        driver.delete(spec.ref, work=WORK)
    driver.unexport(unexport_of(request), work=WORK)
    with pytest.raises(VolumeInUse):
        driver.delete(spec.ref, work=WORK)  # it has a snapshot
    driver.delete_snapshot(snapshot, work=WORK)
    assert bench.read(spec.ref) == "good"
    driver.delete(spec.ref, work=WORK)
    assert list(bench.census()) == []


@pytest.mark.parametrize("in_use", [False, True], ids=["at rest", "in use"])
def test_a_backup_reads_one_moment_whatever_is_written_meanwhile(
    bench: VolumeBench, in_use: bool
) -> None:
    driver, spec = bench.driver, make(bench)
    request = export_of(spec, bench.host)
    bench.write(spec.ref, "then")
    if in_use:
        connection = driver.export(request, work=WORK)
    point = BackupPoint(id=str(uuid.uuid4()), source=spec.ref)
    for _ in range(2):
        driver.hold_point(point, work=WORK)
    if in_use:
        assert bench.write_through(connection, "now")
    bench.restart()
    driver = bench.driver
    driver.hold_point(point, work=WORK)
    with driver.reading(point) as source:
        assert source.size == SIZE
        assert source.read(0, 512).rstrip(b"\0") == b"then"
        assert source.read(SIZE - 512, 512) == bytes(512)
        assert source.data_after(0) == 0
        assert source.data_after(bench.grain) == SIZE
    driver.tidy(lambda *_: nullcontext())
    left = driver.held().left  # who would take it for nobody's lets it go
    if in_use:
        assert [(one.kind, one.volume.id, one.name) for one in left] == [
            ("point", spec.ref.id, point.id)
        ]
    for one in left:
        driver.clear(one, work=WORK)
    driver.release_point(point, work=WORK)
    driver.tidy(lambda *_: nullcontext())
    assert driver.held().left == ()
    if in_use:
        assert bench.write_through(connection, "later")
        driver.unexport(unexport_of(request), work=WORK)
    assert bench.read(spec.ref) == ("later" if in_use else "then")
    driver.delete(spec.ref, work=WORK)
    assert list(bench.census()) == []


def test_a_volume_in_use_is_brought_to_an_image_as_it_is(
    bench: VolumeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, spec = bench.driver, make(bench)
    request = export_of(spec, bench.host)
    assert bench.write_through(driver.export(request, work=WORK), "then")
    brought = bytearray()

    def send(url: str, content: Iterable[bytes], *, size: int) -> None:
        brought.extend(b"".join(content))
        assert len(brought) == size

    monkeypatch.setattr("volume.uploads.on_host.send", send)
    backups = HostBackups(lambda _: driver, lambda *_: nullcontext(), lambda _: True)
    uploads = HostUploads(backups, tmp_path / "uploads")
    point = BackupPoint(id=str(uuid.uuid4()), source=spec.ref)
    uploads.upload(UploadRequest(point=point, format="raw", url="u"), WORK)
    assert (len(brought), brought.rstrip(b"\0")) == (SIZE, b"then")
    driver.unexport(unexport_of(request), work=WORK)
    driver.delete(spec.ref, work=WORK)
    assert list(bench.census()) == []


def test_a_backup_of_a_snapshot_reads_what_that_holds(bench: VolumeBench) -> None:
    driver, spec = bench.driver, make(bench)
    bench.write(spec.ref, "then")
    snapshot = snapshot_of(spec)
    point = BackupPoint(id=str(uuid.uuid4()), source=snapshot)
    with pytest.raises(NoSuchSnapshot):
        driver.hold_point(point, work=WORK)
    driver.snapshot(snapshot, work=WORK)
    bench.write(spec.ref, "now")
    driver.hold_point(point, work=WORK)
    with driver.reading(point) as source:
        assert source.read(0, 512).rstrip(b"\0") == b"then"
    driver.release_point(point, work=WORK)
    driver.delete_snapshot(snapshot, work=WORK)
    driver.delete(spec.ref, work=WORK)
    assert list(bench.census()) == []


def test_a_volume_is_written_as_a_whole_while_nobody_uses_it(bench: VolumeBench) -> None:
    driver, spec = bench.driver, make(bench)
    bench.write(spec.ref, "before")
    with driver.writing(spec.ref) as target:
        assert target.size == SIZE
        target.zero(0, SIZE)
        target.write(0, b"after".ljust(MIB, b"\0"))
    assert bench.read(spec.ref) == "after"
    request = export_of(spec, bench.host)
    driver.export(request, work=WORK)
    with pytest.raises(VolumeInUse), driver.writing(spec.ref):
        pass
    driver.unexport(unexport_of(request), work=WORK)
    with pytest.raises(NoSuchVolume), driver.writing(new_ref(driver)):
        pass
    driver.delete(spec.ref, work=WORK)
    assert list(bench.census()) == []


class Held:
    """A lock that nobody else wants."""

    def __enter__(self) -> None:
        """Nothing to wait for."""

    def __exit__(self, *_: object) -> None:
        """Nothing to let go of."""


def _broken_off(
    bench: VolumeBench,
    prepare: Callable[[], VolumeSpec],
    act: Callable[[VolumeSpec, Any], object],
    check: Callable[[VolumeSpec], object],
) -> int:
    """Break ``act`` off at each checkpoint; finish it once, take it back once; return how many there are."""
    broken_off = 0
    while True:
        finished, taken_back = prepare(), prepare()
        try:
            act(finished, CountedWork(broken_off))
            through = True
        except Interrupted:
            through = False
            bench.restart()
            act(finished, WORK)
        check(finished)
        if not through:
            with pytest.raises(Interrupted):
                act(taken_back, CountedWork(broken_off))
            bench.restart()
        for spec in (finished, taken_back):
            _take_away(bench, spec)
        if through:
            assert list(bench.census()) == []
            return broken_off
        broken_off += 1


def _take_away(bench: VolumeBench, spec: VolumeSpec) -> None:
    """Undo whatever was done to a volume, as sagas' undos do, and delete it."""
    for request in REQUESTS.pop(spec.ref.id, ()):
        bench.driver.unexport(unexport_of(request), work=WORK)
    for clone in CLONES.pop(spec.ref.id, ()):
        bench.driver.delete(clone.ref, work=WORK)
    for snapshot in SNAPSHOTS.pop(spec.ref.id, ()):
        bench.driver.delete_snapshot(snapshot, work=WORK)
    bench.driver.delete(spec.ref, work=WORK)


REQUESTS: dict[str, list[Any]] = {}
SNAPSHOTS: dict[str, list[Any]] = {}
CLONES: dict[str, list[VolumeSpec]] = {}


def test_each_method_broken_off_at_each_checkpoint_is_finished_or_taken_back(
    bench: VolumeBench,
) -> None:
    def fresh() -> VolumeSpec:
        return bench.spec()

    def written() -> VolumeSpec:
        spec = make(bench)
        bench.write(spec.ref, "kept")
        SNAPSHOTS[spec.ref.id] = [snapshot_of(spec)]
        CLONES[spec.ref.id] = [bench.spec(source=spec.ref)]
        REQUESTS[spec.ref.id] = [export_of(spec, bench.host)]
        return spec

    def served() -> VolumeSpec:
        spec = written()
        bench.driver.export(REQUESTS[spec.ref.id][0], work=WORK)
        return spec

    def taken() -> VolumeSpec:
        spec = written()
        bench.driver.snapshot(SNAPSHOTS[spec.ref.id][0], work=WORK)
        return spec

    def holds(spec: VolumeSpec) -> None:
        if (request := REQUESTS[spec.ref.id][0]).attachment_id in bench.driver.exports():
            bench.driver.unexport(unexport_of(request), work=WORK)
        assert bench.read(spec.ref) == "kept"

    def create(spec: VolumeSpec, work: Any) -> None:
        bench.driver.create(spec, image=None, work=work)

    def resize(spec: VolumeSpec, work: Any) -> None:
        size = ResizeRequest(volume=spec.ref, size=2 * SIZE)
        assert bench.driver.resize(size, work=work).size == 2 * SIZE

    def export(spec: VolumeSpec, work: Any) -> None:
        bench.driver.export(REQUESTS[spec.ref.id][0], work=work)

    def unexport(spec: VolumeSpec, work: Any) -> None:
        bench.driver.unexport(unexport_of(REQUESTS[spec.ref.id][0]), work=work)

    def snapshot(spec: VolumeSpec, work: Any) -> None:
        bench.driver.snapshot(SNAPSHOTS[spec.ref.id][0], work=work)

    def unsnapshot(spec: VolumeSpec, work: Any) -> None:
        bench.driver.delete_snapshot(SNAPSHOTS[spec.ref.id][0], work=work)

    def clone(spec: VolumeSpec, work: Any) -> None:
        bench.driver.create(CLONES[spec.ref.id][0], image=None, work=work)

    def revert(spec: VolumeSpec, work: Any) -> None:
        bench.driver.revert(SNAPSHOTS[spec.ref.id][0], work=work)

    image, path = bench.image("newer")

    def reimage(spec: VolumeSpec, work: Any) -> None:
        bench.driver.reimage(ReimageRequest(volume=spec.ref, image=image), image=path, work=work)

    def delete(spec: VolumeSpec, work: Any) -> None:
        bench.driver.delete(spec.ref, work=work)

    cases: dict[str, tuple[Any, Any, Any]] = {
        "create": (fresh, create, lambda spec: bench.driver.get(spec.ref)),
        "resize": (written, resize, holds),
        "resize in use": (served, resize, holds),
        "export": (written, export, holds),
        "unexport": (served, unexport, holds),
        "snapshot": (written, snapshot, holds),
        "snapshot in use": (served, snapshot, holds),
        "delete snapshot": (taken, unsnapshot, holds),
        "clone": (written, clone, lambda spec: bench.read(CLONES[spec.ref.id][0].ref) == "kept"),
        "clone in use": (served, clone, holds),
        "revert": (taken, revert, holds),
        "reimage": (written, reimage, lambda spec: bench.read(spec.ref) == "newer"),
        "delete": (fresh, delete, lambda spec: None),
    }
    drilled = bench.drilled or tuple(cases)
    passed = {name: _broken_off(bench, *cases[name]) for name in drilled}
    assert min(passed.values()) >= 1, passed
