"""Files and daemons: what only this driver has, with real daemons on sockets and the loopback."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import TransientDriverError, Unguarded
from operations.certificates import Authority, new_authority, write_certificate
from tests.builders.volume_bench import (
    MIB,
    SIZE,
    FileBench,
    export_of,
    snapshot_of,
    unexport_of,
)
from volume.agent import VolumeAgent
from volume.backups.objects import BackupPoint
from volume.drivers.base import MirrorBroken
from volume.drivers.file import daemon_files, daemon_process, qcow2
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.daemon_process import PROGRAM
from volume.drivers.nbd import NbdClient
from volume.objects import CopyRequest, ResizeRequest, SnapshotsRequest, VolumeSpec

WORK = Unguarded()
_PIDFD_GETFD = 438  # of Linux


def certificates(place: Path, authority: Authority, host: str) -> Path:
    """Write a host's certificate as it gets it when it joins."""
    write_certificate(authority, host, place / f"tls-{host}")
    return place / f"tls-{host}"


@pytest.fixture
def bench() -> Iterator[FileBench]:
    made = FileBench()
    yield made
    made.close()


def make(bench: FileBench, **overrides: Any) -> VolumeSpec:
    spec = bench.spec(**overrides)
    bench.driver.create(spec, image=None, work=WORK)
    return spec


def test_another_host_writes_by_its_certificate_and_nobody_else_does(tmp_path: Path) -> None:
    authority, foreign = Authority(new_authority()), Authority(new_authority())
    bench = FileBench(certificates(tmp_path, authority, "h1"))
    second, third = (certificates(tmp_path, authority, name) for name in ("h2", "h3"))
    (tmp_path / "foreign").mkdir()
    stranger = certificates(tmp_path / "foreign", foreign, "h2")

    def write(connection: Any, word: str, place: Path) -> bool:
        return bench.write_to(bench.client(connection, place), word)

    try:
        spec = make(bench)
        request = export_of(spec, "h2", shared=True)
        connection = bench.driver.export(request, work=WORK)
        assert (connection.kind, connection.tls_name) == ("nbd_tls", "h1")
        plain = [f"nbd://127.0.0.1:{connection.port}/{connection.export}"]
        went = {
            "h2": write(connection, "second", second),
            "h3": write(connection, "third", third),
            "of another cloud": write(connection, "stranger", stranger),
            "without TLS": bench.write_to(plain, "plain"),
        }
        assert went == {
            "h2": True, "h3": False, "of another cloud": False, "without TLS": False,
        }  # fmt: skip
        more = export_of(spec, "h3", shared=True)
        other = bench.driver.export(more, work=WORK)
        assert write(other, "third", third)
        assert write(connection, "second", second)
        bench.driver.unexport(unexport_of(request), work=WORK)
        assert not write(connection, "too late", second)
        assert not write(other, "through another's export", second)
        assert write(other, "third again", third)
        bench.driver.unexport(unexport_of(more), work=WORK)
        assert bench.read(spec.ref) == "third again"
        bench.driver.delete(spec.ref, work=WORK)
        assert list(bench.census()) == []
    finally:
        bench.close()


def test_another_host_comes_to_a_volume_that_a_guest_of_its_own_host_has(tmp_path: Path) -> None:
    """They write beside each other, whoever of those that serve them dies; each is cut off alone."""
    authority = Authority(new_authority())
    bench = FileBench(certificates(tmp_path, authority, "h1"))
    second, third = (certificates(tmp_path, authority, name) for name in ("h2", "h3"))
    agent = VolumeAgent({"file": bench.driver}, _NoImages(), bench.directory / "agent")
    agent.start_guests(lambda scope: _nothing())
    try:
        spec = make(bench)
        here, there = (export_of(spec, name, shared=True) for name in ("h1", "h2"))
        local, remote = agent.export(here, WORK), agent.export(there, WORK)
        assert (local.kind, remote.kind) == ("nbd_unix", "nbd_tls")

        def both_write() -> bool:
            return bench.write_through(local, "local") and bench.write_to(
                bench.client(remote, second), "remote"
            )

        assert both_write()
        direct = make(bench)
        agent.export(alone := export_of(direct, "h2"), WORK)
        pid_files = [bench.driver.daemons._pid_file(direct.ref.id),
                     bench.driver.daemons.relays._pid_file(there.attachment_id)]  # fmt: skip
        assert [_sends_at_once(int(file.read_text())) for file in pid_files] == [True, True]
        agent.unexport(unexport_of(alone), WORK)
        agent.delete(direct.ref, WORK)
        assert not bench.write_to(bench.client(remote, third), "third")
        files = [bench.driver.daemons._pid_file(spec.ref.id),
                 bench.driver.daemons.relays._pid_file(there.attachment_id)]  # fmt: skip
        for file in files:
            os.kill(int(file.read_text()), signal.SIGKILL)
            _wait_until(lambda: len(bench.driver.exports()) < 2)
            agent.serve()
            assert len(bench.driver.exports()) == 2
            assert [agent.export(one, WORK) for one in (here, there)] == [local, remote]
            assert both_write()
        agent.unexport(unexport_of(there), WORK)
        assert not bench.write_to(bench.client(remote, second), "too late")
        assert bench.write_through(local, "last")
        agent.export(again := export_of(spec, "h2", shared=True), WORK)
        for request in (here, again):
            agent.unexport(unexport_of(request), WORK)
        agent.delete(spec.ref, WORK)
        assert list(bench.census()) == []
    finally:
        bench.close()


def _sends_at_once(pid: int) -> bool:
    """Tell whether a server's answers wait for nothing: what it listens on has TCP_NODELAY."""
    call, process_file = ctypes.CDLL(None, use_errno=True).syscall, os.pidfd_open(pid)
    found = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        if str(file.readlink()).startswith("socket:"):
            with socket.socket(fileno=call(_PIDFD_GETFD, process_file, int(file.name), 0)) as one:
                is_tcp = one.family == socket.AF_INET
                if is_tcp and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    found.append(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
    os.close(process_file)
    return bool(found) and all(found)


def test_a_daemon_that_died_is_served_again_at_the_same_place_for_the_same_user(
    bench: FileBench,
) -> None:
    """And the agent does so by itself, for all attachments."""
    agent = VolumeAgent({"file": bench.driver}, _NoImages(), bench.directory / "agent")
    agent.start_guests(lambda scope: _nothing())
    spec = make(bench)
    requests = [export_of(spec, "h1", shared=True) for _ in range(2)]
    connections = [agent.export(request, WORK) for request in requests]
    place = Path(connections[0].path)
    assert place.stat().st_mode & 0o777 == 0o600
    os.chown(place, 12345, 12345)
    pid = process.read_pid(bench.driver.daemons._pid_file(spec.ref.id))
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _wait_until(lambda: not bench.driver.daemons.is_running(spec.ref.id))
    assert bench.driver.exports() == {}
    agent.serve()
    assert {*bench.driver.exports()} == {one.attachment_id for one in requests}
    assert [agent.export(request, WORK) for request in requests] == connections
    assert (place.stat().st_uid, place.stat().st_mode & 0o777) == (12345, 0o600)
    assert bench.write_through(connections[1], "again")
    for request in requests:
        agent.unexport(unexport_of(request), WORK)
    agent.serve()
    assert bench.driver.exports() == {}
    agent.delete(spec.ref, WORK)
    assert list(bench.census()) == []


def test_nothing_is_written_between_two_snapshots_that_are_taken_together(
    bench: FileBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the first daemon went on above, its guest's next write is confirmed when all did."""
    specs = [make(bench) for _ in range(2)]
    requests = [export_of(spec, "h1") for spec in specs]
    connections = [bench.driver.export(request, work=WORK) for request in requests]
    for connection in connections:
        assert bench.write_through(connection, "before")
    went: list[bool] = []
    real = daemon_files.put_above

    def put_above(*said: Any) -> None:
        real(*said)
        went.extend(bench.write_through(one, "between") for one in connections)

    monkeypatch.setattr(daemon_files, "put_above", put_above)
    refs = [snapshot_of(spec) for spec in specs]
    bench.driver.snapshot_together(refs, work=WORK)
    assert went == [False] * 4
    assert all(bench.write_through(one, "after") for one in connections)
    copies = [make(bench, source=ref) for ref in refs]
    assert [bench.read(copy.ref) for copy in copies] == ["before"] * 2


def test_who_dies_while_guests_wait_for_snapshots_leaves_them_served(
    bench: FileBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = VolumeAgent({"file": bench.driver}, _NoImages(), bench.directory / "agent")
    agent.start_guests(lambda scope: _nothing())
    specs = [make(bench) for _ in range(2)]
    connections = [agent.export(export_of(spec, "h1"), WORK) for spec in specs]
    request = SnapshotsRequest(id="g", snapshots=tuple(snapshot_of(spec) for spec in specs))

    class Died(Exception):
        """What no code of ours catches."""

    def die(*_: Any) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(daemon_files, "put_above", die)
        dying.setattr(Daemons, "_exports_back", lambda *_: None)
        with pytest.raises(Died):
            agent.snapshot_together(request, WORK)
    assert bench.driver.exports() == {}
    agent.serve()
    assert all(bench.write_through(one, "goes on") for one in connections)
    agent.snapshot_together(request, WORK)
    assert all(bench.write_through(one, "after") for one in connections)
    copies = [make(bench, source=ref) for ref in request.snapshots]
    assert [bench.read(copy.ref) for copy in copies] == ["goes on"] * 2
    agent.delete_together(request, WORK)
    assert [bench.driver.get(spec.ref).snapshots for spec in specs] == [(), ()]


def test_a_daemon_that_hangs_is_cut_off_all_the_same(
    bench: FileBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed; who else was served by it is served again."""
    impatient = partial(daemon_process.monitor, timeout=0.3)
    monkeypatch.setattr(daemon_process, "monitor", lambda path, **_: impatient(path))
    agent = VolumeAgent({"file": bench.driver}, _NoImages(), bench.directory / "agent")
    agent.start_guests(lambda scope: _nothing())
    spec = make(bench)
    first, second = (export_of(spec, "h1", shared=True) for _ in range(2))
    one, other = (agent.export(request, WORK) for request in (first, second))
    pid = process.read_pid(bench.driver.daemons._pid_file(spec.ref.id))
    os.kill(pid or 0, signal.SIGSTOP)
    agent.unexport(unexport_of(first), WORK)
    assert not process.is_running(pid, exe="qemu-storage-daemon")
    agent.serve()
    assert {*bench.driver.exports()} == {second.attachment_id}
    assert not bench.write_through(one, "too late")
    assert bench.write_through(other, "goes on")
    pid = process.read_pid(bench.driver.daemons._pid_file(spec.ref.id))
    os.kill(pid or 0, signal.SIGSTOP)
    agent.unexport(unexport_of(second), WORK)
    assert bench.read(spec.ref) == "goes on"
    agent.delete(spec.ref, WORK)
    assert list(bench.census()) == []


def test_a_directory_that_goes_away_keeps_no_report_back(bench: FileBench) -> None:
    agent = VolumeAgent({"file": bench.driver}, _NoImages(), bench.directory / "agent")
    pool = bench.driver.files.directory
    pool.rename(pool.with_name("away"))
    report = agent.report(full=True)
    assert report.pools == ()
    assert "cannot be looked at" in report.problems[0]
    pool.with_name("away").rename(pool)
    assert [one.backend for one in agent.report(full=False).pools or ()] == ["file"]


def test_an_attachment_that_may_only_read_now_writes_no_more(bench: FileBench) -> None:
    spec = make(bench)
    others = export_of(spec, "h1", shared=True)  # so that the daemon stays
    bench.driver.export(others, work=WORK)
    request = export_of(spec, "h1", shared=True)
    connection = bench.driver.export(request, work=WORK)
    assert bench.write_through(connection, "first")
    bench.driver.export(request.model_copy(update={"mode": "ro"}), work=WORK)
    assert not bench.write_through(connection, "never")


def test_a_pid_that_came_round_is_nobody_of_ours(bench: FileBench) -> None:
    """The pid file of one volume names another's daemon: it is not taken for the first's, nor killed."""
    first, second = make(bench), make(bench)
    requests = [export_of(one, "h1") for one in (first, second)]
    for request in requests:
        bench.driver.export(request, work=WORK)
    files = [bench.driver.daemons._pid_file(one.ref.id) for one in (first, second)]
    os.kill(int(files[0].read_text()), signal.SIGKILL)
    _wait_until(lambda: not bench.driver.daemons.is_running(first.ref.id))
    files[0].write_text(files[1].read_text())
    assert not bench.driver.daemons.is_running(first.ref.id)
    bench.driver.unexport(unexport_of(requests[0]), work=WORK)
    assert bench.driver.daemons.is_running(second.ref.id)


def test_what_a_guest_writes_to_a_raw_disk_is_never_taken_for_a_format(bench: FileBench) -> None:
    spec = make(bench, ref=bench.spec().ref.model_copy(update={"format": "raw"}))
    file = bench.driver.files.get(spec.ref.id)
    trap = bench.directory / "trap"
    qcow2.make(trap, SIZE, backing="/etc/passwd", backing_format="raw")
    with file.path.open("r+b") as disk:
        disk.write(trap.read_bytes()[: 3 * 65536])
    bench.driver.snapshot(snapshot := snapshot_of(spec), work=WORK)
    clone = make(bench, source=snapshot)
    for one in (spec, clone):
        found = bench.driver.files.get(one.ref.id)
        plain = bench.directory / "plain"
        process.run(
            "qemu-img", "convert", "-f", found.format, "-O", "raw", str(found.path), str(plain)
        )
        assert plain.read_bytes()[:65536] == trap.read_bytes()[:65536]


def test_a_snapshot_that_died_before_its_daemon_was_told_loses_nothing(
    bench: FileBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by what is written meanwhile, not by the daemon's death; the next try takes it as it is then."""

    def die(*_: object) -> None:
        raise RuntimeError

    for daemon_dies in (False, True):
        spec = make(bench)
        request = export_of(spec, "h1")
        connection = bench.driver.export(request, work=WORK)
        assert bench.write_through(connection, "before")
        snapshot = snapshot_of(spec)
        with monkeypatch.context() as patch:
            patch.setattr(Daemons, "follow", die)
            with pytest.raises(RuntimeError):
                bench.driver.snapshot(snapshot, work=WORK)
        assert bench.write_through(connection, "meanwhile")
        if daemon_dies:
            pid = process.read_pid(bench.driver.daemons._pid_file(spec.ref.id))
            os.kill(pid or 0, signal.SIGKILL)
            _wait_until(lambda: not bench.driver.daemons.is_running(spec.ref.id))  # noqa: B023
            connection = bench.driver.export(request, work=WORK)
        bench.driver.snapshot(snapshot, work=WORK)
        assert bench.write_through(connection, "after")
        copy = make(bench, source=snapshot)
        assert bench.read(copy.ref) == "meanwhile"
        bench.driver.unexport(unexport_of(request), work=WORK)
        assert bench.read(spec.ref) == "after"


def test_after_a_snapshot_that_was_given_up_a_volume_grows_and_is_shared(
    bench: FileBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its daemon was never told of the file that the snapshot put above what it writes to."""

    def die(*_: object) -> None:
        raise RuntimeError

    spec = make(bench)
    requests = [export_of(spec, "h1", shared=True) for _ in range(2)]
    connection = bench.driver.export(requests[0], work=WORK)
    assert bench.write_through(connection, "before")
    with monkeypatch.context() as patch:
        patch.setattr(Daemons, "follow", die)
        with pytest.raises(RuntimeError):
            bench.driver.snapshot(snapshot_of(spec), work=WORK)
    other = bench.driver.export(requests[1], work=WORK)
    assert bench.write_through(other, "shared")
    larger = ResizeRequest(volume=spec.ref, size=2 * SIZE)
    assert bench.driver.resize(larger, work=WORK).size == 2 * SIZE
    assert bench.write_through(connection, "grown")
    for request in requests:
        bench.driver.unexport(unexport_of(request), work=WORK)
    assert bench.read(spec.ref) == "grown"
    assert bench.driver.get(spec.ref).size == 2 * SIZE
    bench.driver.delete(spec.ref, work=WORK)
    assert list(bench.census()) == []


def test_what_a_backup_is_taken_of_is_busy_and_goes_on(bench: FileBench) -> None:
    """A snapshot or more room waits for the backup's end; the guest notices nothing."""
    spec = make(bench)
    request = export_of(spec, "h1")
    connection = bench.driver.export(request, work=WORK)
    assert bench.write_through(connection, "before")
    point = BackupPoint(id=spec.ref.id, source=spec.ref)
    bench.driver.hold_point(point, work=WORK)
    snapshot, larger = snapshot_of(spec), ResizeRequest(volume=spec.ref, size=2 * SIZE)
    for busy in (
        lambda: bench.driver.resize(larger, work=WORK),
        lambda: bench.driver.export(export_of(spec, "h1", shared=True), work=WORK),
        lambda: bench.driver.snapshot(snapshot, work=WORK),
        lambda: bench.driver.resize(larger, work=WORK),
    ):
        with pytest.raises(TransientDriverError):
            busy()
        assert bench.write_through(bench.driver.export(request, work=WORK), "meanwhile")
    with bench.driver.reading(point) as source:
        assert source.read(0, 512).rstrip(b"\0") == b"before"
    bench.driver.release_point(point, work=WORK)
    bench.driver.snapshot(snapshot, work=WORK)
    assert bench.driver.resize(larger, work=WORK).size == 2 * SIZE
    assert bench.write_through(connection, "after")
    assert bench.read(make(bench, source=snapshot).ref) == "meanwhile"


def test_a_guest_stays_connected_while_its_volume_goes_over_and_whoever_dies_then_loses_nothing(
    bench: FileBench,
) -> None:
    spec, copy = make(bench), make(bench)
    mine, to_copy = export_of(spec, bench.host), export_of(copy, bench.host)
    connection, target = (bench.driver.export(one, work=WORK) for one in (mine, to_copy))
    request = CopyRequest(id=str(uuid.uuid4()), volume=spec.ref, target=target)
    with NbdClient(Path(connection.path), connection.export) as guest:
        guest.write(0, b"1" * 512)
        guest.write(MIB, b"before")
        bench.driver.mirror(request, work=WORK)
        guest.write(2 * MIB, b"in the middle")
        _wait_until(lambda: len({*bench.driver.mirrored(request)}) == 1)
        guest.write(3 * MIB, b"as a mirror")
        bench.driver.follow(request, decided=lambda: None, work=WORK)
        guest.write(0, b"gone over".ljust(512, b"\0"))
    for volume in (copy, spec, spec):  # it grows where it is, and for who comes through here
        larger = ResizeRequest(volume=volume.ref, size=2 * SIZE)
        assert bench.driver.resize(larger, work=WORK).size == 2 * SIZE
    with NbdClient(Path(connection.path), connection.export) as guest:
        assert guest.size == 2 * SIZE
        assert guest.read(0, 9) == b"gone over"
        guest.write(2 * SIZE - 512, b"at its new end".ljust(512, b"\0"))
        guest.flush()
    assert not [path for path in bench.driver.files.everything() if spec.ref.id in path]
    for volume in (copy, spec):  # the machine went down: the one that the other goes to comes first
        pid = bench.driver.daemons._pid(volume.ref.id)
        assert pid is not None
        process.kill([pid], exe=PROGRAM)
    for one in (to_copy, mine):
        first = target if one is to_copy else connection
        larger_now = first.model_copy(update={"size": 2 * SIZE})
        assert bench.driver.export(one, work=WORK) == larger_now
    with NbdClient(Path(connection.path), connection.export) as guest:
        assert guest.read(0, 9) == b"gone over"
        assert guest.read(MIB, 6) == b"before"
        assert guest.read(2 * MIB, 13) == b"in the middle"
        assert guest.read(2 * SIZE - 512, 14) == b"at its new end"
        guest.write(0, b"again".ljust(512, b"\0"))
    for one in (mine, to_copy):
        bench.driver.unexport(unexport_of(one), work=WORK)
    assert bench.read(copy.ref) == "again"
    bench.driver.delete(copy.ref, work=WORK)
    assert list(bench.census()) == []


def test_a_daemon_that_dies_while_it_copies_leaves_the_volume_as_it_was(bench: FileBench) -> None:
    spec, copy = make(bench), make(bench)
    mine, to_copy = export_of(spec, bench.host), export_of(copy, bench.host)
    connection, target = (bench.driver.export(one, work=WORK) for one in (mine, to_copy))
    assert bench.write_through(connection, "mine")
    request = CopyRequest(id=str(uuid.uuid4()), volume=spec.ref, target=target)
    bench.driver.mirror(request, work=WORK)
    pid = bench.driver.daemons._pid(spec.ref.id)
    assert pid is not None
    process.kill([pid], exe=PROGRAM)
    bench.driver.export(mine, work=WORK)
    with pytest.raises(MirrorBroken):
        bench.driver.mirrored(request)
    with pytest.raises(MirrorBroken):
        bench.driver.follow(request, decided=lambda: None, work=WORK)
    bench.driver.end_mirror(request, work=WORK)
    assert bench.write_through(connection, "still mine")
    bench.driver.unexport(unexport_of(mine), work=WORK)
    assert bench.read(spec.ref) == "still mine"


def test_a_random_life_of_volumes_never_mixes_what_they_hold(bench: FileBench) -> None:
    """Writes, snapshots, clones, resizes, in use and not, in any order: each holds its own to the end."""
    chance = random.Random(20261128)
    life = _Life(bench, chance)
    for _ in range(70):
        life.step()
    life.check()
    life.end()
    assert list(bench.census()) == []


class _Life:
    """Volumes and snapshots, and what each must hold: by block of 64 KiB a number."""

    BLOCKS = SIZE // 65536

    def __init__(self, bench: FileBench, chance: random.Random) -> None:
        self.bench, self.chance, self.number = bench, chance, 0
        self.held: dict[str, dict[int, int]] = {}
        self.specs: dict[str, VolumeSpec] = {}
        self.exports: dict[str, Any] = {}
        self.snapshots: dict[str, tuple[Any, dict[int, int]]] = {}
        self._add(make(bench), {})

    def step(self) -> None:
        name = self.chance.choice([*self.specs])
        steps = [self.write] * 4 + [self.attach, self.snapshot, self.unsnapshot, self.clone,
                                    self.restore, self.delete, self.resize, self.tidy]  # fmt: skip
        self.chance.choice(steps)(name)

    def write(self, name: str) -> None:
        self.number = self.number % 250 + 1
        commands = []
        for _ in range(3):
            block = self.chance.randrange(self.BLOCKS)
            commands += ["-c", f"write -P {self.number} {block * 65536} 65536"]
            self.held[name][block] = self.number
        process.run("qemu-io", *self._target(name), *commands)

    def attach(self, name: str) -> None:
        if (request := self.exports.pop(name, None)) is not None:
            self.bench.driver.unexport(unexport_of(request), work=WORK)
            return
        self.exports[name] = export_of(self.specs[name], "h1")
        self.bench.driver.export(self.exports[name], work=WORK)

    def snapshot(self, name: str) -> None:
        taken = snapshot_of(self.specs[name])
        self.bench.driver.snapshot(taken, work=WORK)
        self.snapshots[taken.id] = (taken, {**self.held[name]})

    def unsnapshot(self, _: str) -> None:
        if self.snapshots:
            taken, _ = self.snapshots.pop(self.chance.choice([*self.snapshots]))
            self.bench.driver.delete_snapshot(taken, work=WORK)

    def clone(self, name: str) -> None:
        size = self.bench.driver.get(self.specs[name].ref).size
        self._add(make(self.bench, source=self.specs[name].ref, size=size), self.held[name])

    def restore(self, _: str) -> None:
        if self.snapshots:
            taken, held = self.snapshots[self.chance.choice([*self.snapshots])]
            self._add(make(self.bench, source=taken, size=4 * SIZE), held)

    def delete(self, name: str) -> None:
        taken = any(one.volume.id == name for one, _ in self.snapshots.values())
        if len(self.specs) > 1 and name not in self.exports and not taken:
            self.bench.driver.delete(self.specs.pop(name).ref, work=WORK)
            del self.held[name]

    def resize(self, name: str) -> None:
        size = self.bench.driver.get(self.specs[name].ref).size
        if size < 4 * SIZE:
            request = ResizeRequest(volume=self.specs[name].ref, size=size + MIB)
            self.bench.driver.resize(request, work=WORK)

    def tidy(self, _: str) -> None:
        self.bench.driver.tidy(lambda *ids: _nothing())

    def check(self) -> None:
        for name, held in self.held.items():
            commands: list[str] = []
            for block in range(self.BLOCKS):
                commands += ["-c", f"read -P {held.get(block, 0)} {block * 65536} 65536"]
            done = process.run("qemu-io", "-r", *self._target(name), *commands)
            assert b"failed" not in done.stdout, (name, done.text)

    def end(self) -> None:
        for name in [*self.exports]:
            self.attach(name)
        while self.snapshots:
            self.unsnapshot("")
        self.check()
        self.tidy("")
        self.check()
        for spec in self.specs.values():
            self.bench.driver.delete(spec.ref, work=WORK)
        self.tidy("")

    def _add(self, spec: VolumeSpec, held: dict[int, int]) -> None:
        self.specs[spec.ref.id], self.held[spec.ref.id] = spec, {**held}

    def _target(self, name: str) -> list[str]:
        if (request := self.exports.get(name)) is not None:
            connection = self.bench.driver.export(request, work=WORK)
            return ["-f", "raw", *self.bench.client(connection)]
        file = self.bench.driver.files.get(name)
        return ["-f", file.format, str(file.path)]


class _NoImages:
    """A cache that nobody asks."""


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _wait_until(fact: Any) -> None:
    for _ in range(2000):
        if fact():
            return
        os.sched_yield()
    assert fact()


def test_what_is_no_volumes_is_shown_and_stays(bench: FileBench) -> None:
    spec, stranger = make(bench), bench.driver.files.directory / "notes.txt"
    snapshot = snapshot_of(spec)
    bench.driver.snapshot(snapshot, work=WORK)
    export = export_of(spec, "h1")
    bench.driver.export(export, work=WORK)
    point = BackupPoint(id=str(uuid.uuid4()), source=spec.ref)
    bench.driver.hold_point(point, work=WORK)
    stranger.write_text("mine")
    alike = stranger.with_name("data-of-mine.txt")
    alike.write_text("mine")
    bench.driver.tidy(lambda *_: nullcontext())
    held = bench.driver.held()
    assert (held.volumes, held.attachments) == ((spec.ref.id,), (export.attachment_id,))
    assert held.snapshots == (snapshot.id,)
    assert [(left.kind, left.name) for left in held.left] == [("point", point.id)]
    assert [*bench.driver.strays()] == [f"{bench.driver.backend}: notes.txt"]
    assert stranger.exists()
    assert alike.exists()
