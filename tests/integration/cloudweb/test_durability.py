"""What somebody was told survives a power failure; the engine's own progress need not."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from cloudweb.agent import Agent, Function
from cloudweb.database.settled import settle
from cloudweb.database.sqlite import durability
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from identity.models import Project
from operations import jobs, reporting, worker
from operations.testing import cloud
from tests.builders.identity import make_project
from tests.infrastructure import PATIENCE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL waits by default"),
]
_DIRTY, _PAGE = 1 << 4, mmap.PAGESIZE


@pytest.fixture(autouse=True)
def as_any_process(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """Connections as in a process that was told nothing."""
    settings.ROOT_URLCONF = __name__
    monkeypatch.setattr(durability, "_progress_alone", False)
    connection.close()
    yield
    connection.close()


def add(_request: HttpRequest) -> HttpResponse:
    """Write as any view does."""
    make_project(name="told")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        return HttpResponse(cursor.fetchone()[0])


urlpatterns = [path("add", add)]


def log_path() -> Path:
    return Path(f"{connection.settings_dict['NAME']}-wal")


def waiting_pages(file: Path) -> int:
    """Return how many pages of a file are in memory alone: a power failure would take them."""
    handle = os.open(file, os.O_RDWR)
    try:
        memory = mmap.mmap(handle, 0)
    finally:
        os.close(handle)
    first = ctypes.c_char.from_buffer(memory)
    start, waiting = ctypes.addressof(first), 0
    with (
        Path("/proc/self/pagemap").open("rb") as pages,
        Path("/proc/kpageflags").open("rb") as all_,
    ):
        for at in range(0, len(memory), _PAGE):
            _ = memory[at]  # so that it is mapped
            pages.seek((start + at) // _PAGE * 8)
            frame = struct.unpack("Q", pages.read(8))[0] & ((1 << 55) - 1)
            all_.seek(frame * 8)
            waiting += bool(struct.unpack("Q", all_.read(8))[0] & _DIRTY)
    del first
    memory.close()
    return waiting


def needs_page_flags() -> None:
    """Skip where this file system or user cannot tell what is on the disk."""
    if not os.access("/proc/kpageflags", os.R_OK):
        pytest.skip("what is on the disk is told to root alone")
    probe = Path(f"{log_path()}-probe")  # each worker has a database, hence a probe, of its own
    probe.write_bytes(b"x" * _PAGE)
    before = waiting_pages(probe)
    handle = os.open(probe, os.O_RDWR)
    os.fsync(handle)
    os.close(handle)
    after = waiting_pages(probe)
    probe.unlink()
    if (before, after) != (1, 0):
        pytest.skip("this file system keeps no account of what is on the disk")


def told_in_copy(directory: Path) -> int:
    """Return how many rows of ours there are in a copy of the files as they are now."""
    database = Path(connection.settings_dict["NAME"])
    for name in (database.name, log_path().name):
        shutil.copy(database.with_name(name), directory / name)
    with sqlite3.connect(directory / database.name) as copy:
        (count,) = copy.execute(
            "SELECT count(*) FROM identity_project WHERE name='told'"
        ).fetchone()
    return int(count)


def test_what_was_answered_is_on_the_disk(tmp_path: Path) -> None:
    answer = Client().get("/add")
    assert answer.content == b"2"  # FULL
    assert told_in_copy(tmp_path) == 1


def test_no_page_of_an_answer_is_in_memory_alone() -> None:
    make_project()
    needs_page_flags()
    assert Client().get("/add").status_code == 200
    assert waiting_pages(log_path()) == 0


def test_a_control_workers_progress_is_not_waited_for_until_a_job_begins() -> None:
    class App:
        def task(self, **_: Any) -> Any:
            return lambda function: function

    worker.prepare(App(), (), "advance", [])  # type: ignore[arg-type]
    make_project()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone()[0] == 1  # NORMAL
    needs_page_flags()
    make_project()
    assert waiting_pages(log_path()) > 0
    settle()
    assert waiting_pages(log_path()) == 0


def test_a_job_begins_when_what_it_relies_on_is_on_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened: list[str] = []
    monkeypatch.setattr(jobs, "settle", lambda: happened.append("settled"))
    running: Any = type("Row", (), {"row": type("", (), {"name": "x"}), "operation": None})()
    running.operation = type("", (), {"project_id": "p"})
    threads = jobs.Threads(1)
    threads.take("p")
    threads.submit(running, lambda: happened.append("acted"))
    for thread in list(threads._running.values()):
        thread.join(PATIENCE)
    assert happened == ["settled", "acted"]
    assert Project.objects.count() == 0


class Fall(VersionedObject):
    """A fact."""

    VERSION: ClassVar[str] = "1.0"

    name: str


class Witness(Agent):
    """Tells what it saw until it was taken."""

    def __init__(self) -> None:
        self.saw: Fall | None = None

    def methods(self) -> Mapping[Method[Any], Function]:
        return {}

    def report(self, *, full: bool) -> Fall | None:
        return self.saw

    def keeps(self, part: Fall) -> bool:
        return True

    def reported(self, part: Fall) -> None:
        self.saw = None


def test_a_fact_is_on_the_disk_before_its_host_may_forget_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Witness()
    monkeypatch.setitem(
        reporting._takers, "compute", (Fall, lambda heard: make_project(name=heard[0].part.name))
    )
    answered: list[tuple[int, int]] = []

    def look(_queue: str, task: str, _argument: Any) -> bool:
        if witness.saw and task == "compute.notice":
            answered.append((told_in_copy(tmp_path), waiting_pages(log_path())))
        return False

    with cloud(tmp_path) as lab:
        host = lab.add_host("h1", {"compute": witness})
        durability.commit_progress_alone()
        connection.close()  # the next one is a control worker's
        make_project()
        needs_page_flags()
        lab.broker.lose = look
        witness.saw = Fall(name="told")
        host.report()
        lab.pump()
    assert (answered, witness.saw) == ([(1, 0)], None)
