"""SQLite's writers wait in a queue, so none waits for ever; readers wait for nobody."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest
from django.db import connection, transaction

from identity.models import Project
from tests.builders.identity import make_project
from tests.infrastructure import PATIENCE

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the queue is SQLite's"),
]


def is_taken() -> bool:
    """Tell whether some writer is at the head of the queue."""
    path = Path(f"{connection.settings_dict['NAME']}.lock")
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
        return False


def test_a_transaction_holds_the_queue_to_its_end() -> None:
    make_project()
    assert not is_taken()
    with transaction.atomic():
        assert is_taken()
        with transaction.atomic():
            Project.objects.update(description="x")
        assert is_taken()
    assert not is_taken()


def test_a_failed_transaction_leaves_the_queue() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    assert not is_taken()


def test_a_lost_connection_leaves_the_queue() -> None:
    make_project()
    with pytest.raises(RuntimeError, match="lost"), transaction.atomic():  # noqa: PT012
        connection.close()
        raise RuntimeError("lost")
    assert not is_taken()
    make_project()


def test_single_writes_queue_too_and_reads_do_not() -> None:
    make_project(description="old")
    began, go_on, seen = threading.Event(), threading.Event(), []

    def write_long() -> None:
        with transaction.atomic():
            Project.objects.update(description="new")
            began.set()
            assert go_on.wait(PATIENCE)
        connection.close()

    def write_once() -> None:
        Project.objects.update(name="after")
        seen.append(Project.objects.get().description)
        connection.close()

    first = threading.Thread(target=write_long)
    first.start()
    assert began.wait(PATIENCE)
    assert Project.objects.get().description == "old"  # a reader waits for nobody
    second = threading.Thread(target=write_once)
    second.start()
    assert Project.objects.get().name != "after"
    go_on.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    assert seen == ["new"]


def test_many_writers_lose_nothing() -> None:
    project = make_project(description="0")

    def count() -> None:
        for _ in range(10):
            with transaction.atomic():
                row = Project.objects.get(pk=project.pk)
                row.description = str(int(row.description) + 1)
                row.save(update_fields=["description"])
        connection.close()

    writers = [threading.Thread(target=count) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(PATIENCE)
    project.refresh_from_db()
    assert project.description == "80"
