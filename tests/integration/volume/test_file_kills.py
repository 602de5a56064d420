"""The host's process is killed before and after each thing it does to files and daemons.

A child runs one method and kills itself by SIGKILL at its n-th effect, for each n; the daemons live on. A
new process then finishes the method: the volume holds what its guest had flushed, and nothing is left.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import Unguarded
from tests.builders.volume_bench import (
    MIB,
    SIZE,
    FileBench,
    export_of,
    snapshot_of,
    unexport_of,
)
from volume.backups.objects import BackupPoint
from volume.drivers.file import qcow2
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.files import Files
from volume.drivers.file.qmp import Monitor
from volume.drivers.nbd import NbdClient
from volume.objects import ResizeRequest, VolumeSpec

WORK = Unguarded()
#: Whatever has an effect passes through one of these.
EFFECTS: tuple[tuple[Any, str], ...] = (
    (Monitor, "run"),
    (process, "run"),
    (Files, "point"),
    (Files, "unlink"),
    (Files, "keep_snapshot"),
    (Files, "forget_snapshot"),
    (Daemons, "keep"),
    (Daemons, "_kill"),
    (qcow2, "make"),
    (NbdClient, "write"),
    (NbdClient, "zero"),
)


@dataclass
class Case:
    """One volume with what may be done to it; its guest has written a word."""

    bench: FileBench
    spec: VolumeSpec
    request: Any = None
    snapshot: Any = None
    clone: VolumeSpec | None = None
    point: Any = None
    is_held: bool = False
    word: str = "kept"
    connection: Any = field(default=None)

    @property
    def driver(self) -> Any:
        return self.bench.driver

    def attach(self) -> None:
        self.connection = self.driver.export(self.request, work=WORK)

    def detach(self) -> None:
        self.driver.unexport(unexport_of(self.request), work=WORK)

    def take(self) -> None:
        self.driver.snapshot(self.snapshot, work=WORK)

    def drop(self) -> None:
        self.driver.delete_snapshot(self.snapshot, work=WORK)

    def grow(self) -> None:
        request = ResizeRequest(volume=self.spec.ref, size=2 * SIZE)
        assert self.driver.resize(request, work=WORK).size == 2 * SIZE

    def copy(self) -> None:
        self.driver.create(self.clone, image=None, work=WORK)

    def hold(self) -> None:
        self.driver.hold_point(self.point, work=WORK)
        self.is_held = True

    def release(self) -> None:
        self.driver.release_point(self.point, work=WORK)
        self.is_held = False

    def spoil(self) -> None:
        self.take()
        self.bench.write(self.spec.ref, "spoilt")

    def go_back(self) -> None:
        self.driver.revert(self.snapshot, work=WORK)

    def restore(self) -> None:
        with self.driver.writing(self.spec.ref) as target:
            target.write(0, self.word.encode().ljust(512, b"\0"))
            target.zero(MIB, MIB)

    def check(self) -> None:
        """Whoever serves the volume now, its guest reads and writes what it did; so do copies."""
        if self.connection is None:
            assert self.bench.read(self.spec.ref) == self.word
        self.attach()
        if self.is_held:
            assert self.bench.write_through(self.connection, "other")
            with self.driver.reading(self.point) as source:
                assert source.read(0, 512).rstrip(b"\0") == self.word.encode()
        assert self.bench.write_through(self.connection, "later")
        self.detach()
        assert self.bench.read(self.spec.ref) == "later"
        if self.clone is not None and self.driver.files.find(self.clone.ref.id) is not None:
            assert self.bench.read(self.clone.ref) == self.word

    def end(self) -> None:
        self.driver.release_point(self.point, work=WORK)
        self.driver.delete(self.clone.ref, work=WORK)  # type: ignore[union-attr]
        self.drop()
        self.driver.delete(self.spec.ref, work=WORK)
        self.driver.tidy(lambda *ids: _nothing())
        assert list(self.bench.census()) == []


METHODS: dict[str, tuple[Callable[[Case], None], Callable[[Case], None]]] = {
    "export": (lambda case: None, Case.attach),
    "unexport": (Case.attach, Case.detach),
    "snapshot in use": (Case.attach, Case.take),
    "delete a snapshot in use": (lambda case: (case.attach(), case.take(), None)[-1], Case.drop),
    "resize in use": (Case.attach, Case.grow),
    "clone in use": (Case.attach, Case.copy),
    "snapshot": (lambda case: None, Case.take),
    "hold a point in use": (Case.attach, Case.hold),
    "go back to a snapshot": (Case.spoil, Case.go_back),
    "restore a backup": (lambda case: case.bench.write(case.spec.ref, "spoilt"), Case.restore),
    "release a point in use": (lambda case: (case.attach(), case.hold(), None)[-1], Case.release),
}


@pytest.fixture
def bench() -> Iterator[FileBench]:
    made = FileBench()
    yield made
    made.close()


@pytest.mark.parametrize("name", METHODS)
def test_killed_at_each_effect_a_method_is_finished_by_the_next_process(
    bench: FileBench, name: str
) -> None:
    prepare, act = METHODS[name]
    number = 0
    while True:
        case = _case(bench)
        prepare(case)
        if case.connection is not None:
            assert bench.write_through(case.connection, case.word)
        was_killed = _run_in_child(case, act, number)
        bench.restart()
        act(case)
        case.check()
        case.end()
        if not was_killed:
            break
        number += 1
    assert number >= 4, number


def _case(bench: FileBench) -> Case:
    spec = bench.spec()
    bench.driver.create(spec, image=None, work=WORK)
    bench.write(spec.ref, "kept")
    case = Case(bench, spec)
    case.request, case.snapshot = export_of(spec, bench.host), snapshot_of(spec)
    case.point = BackupPoint(id=str(uuid.uuid4()), source=spec.ref)
    case.clone = bench.spec(source=spec.ref, size=2 * SIZE)
    return case


def _run_in_child(case: Case, act: Callable[[Case], None], number: int) -> bool:
    """Tell whether the method came to its n-th effect, where the child kills itself."""
    child = os.fork()
    if child == 0:
        try:
            _arm(number)
            act(case)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _arm(number: int) -> None:
    left = number

    def count() -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def watched(effect: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **more: Any) -> Any:
            count()
            result = effect(*words, **more)
            count()
            return result

        return call

    for owner, name in EFFECTS:
        setattr(owner, name, watched(getattr(owner, name)))


@contextmanager
def _nothing() -> Iterator[None]:
    yield
