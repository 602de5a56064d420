"""The health page is red when nothing can be written; a database that vanished is not written to."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from cloudweb import health, restarts, writing
from cloudweb.database.sqlite import base, identity
from cloudweb.database.trial import write
from tests.infrastructure import PATIENCE

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="of SQLite's file")


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    """Trials as in a process that has just started, each time anew."""
    settings.VAR = tmp_path
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(health, "_broker", lambda: "ok")
    monkeypatch.setattr(writing, "EVERY", 0.0)
    monkeypatch.setattr(writing, "PATIENCE", PATIENCE)
    monkeypatch.setattr(writing, "_trial", writing.Trial(writing.attempt))


def health_page() -> tuple[int, dict[str, str]]:
    answer = Client().get("/healthz")
    return answer.status_code, answer.json()["checks"]


@pytest.mark.usefixtures("trial")
def test_what_was_started_again_is_shown_and_is_not_red(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(restarts, "_file", lambda: tmp_path / "run" / "restarts.json")
    assert "restarts" not in Client().get("/healthz").json()
    for why in ("exit code 1", "no progress for 131 s"):
        restarts.note("control", why)
    answer = Client().get("/healthz")
    again = answer.json()["restarts"]
    assert answer.status_code == 200
    assert (again["control"].pop("at")[:2], again) == (
        "20", {"control": {"count": 2, "why": "no progress for 131 s"}},
    )  # fmt: skip
    (tmp_path / "run" / "restarts.json").write_text('["damaged"')
    assert "restarts" not in Client().get("/healthz").json()
    restarts.note("api", "exit code 1")
    restarts.clear()
    assert "restarts" not in Client().get("/healthz").json()


@pytest.mark.usefixtures("trial")
def test_a_disk_that_takes_nothing_is_red(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert health_page()[0] == 200
    found = {}
    for number in (errno.ENOSPC, errno.EROFS):

        def refuse(*_: object, number: int = number) -> None:
            raise OSError(number, "")

        with monkeypatch.context() as patch:
            patch.setattr("os.posix_fallocate", refuse)
            found[number] = (health_page()[0], health_page()[1]["writes"])
    assert found == {
        errno.ENOSPC: (503, "the disk is full"),
        errno.EROFS: (503, "the disk is read-only"),
    }
    assert not list((tmp_path / "run").iterdir())
    (tmp_path / "run").rmdir()
    assert health_page()[1]["writes"] == "the data directory is gone"


@on_sqlite
@pytest.mark.usefixtures("trial")
def test_a_database_that_takes_no_page_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = base.DatabaseWrapper.get_new_connection

    def read_only(self: Any, params: Any) -> Any:
        found = opened(self, params)
        if threading.current_thread().name == "write-trial":
            found.execute("PRAGMA query_only = 1")
        return found

    monkeypatch.setattr(base.DatabaseWrapper, "get_new_connection", read_only)
    status, checks = health_page()
    assert (status, checks["database"]) == (503, "ok")
    assert "readonly" in checks["writes"]


@on_sqlite
def test_the_trial_commits_a_page() -> None:
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert log.stat().st_size == 0
    write(connection)
    assert log.stat().st_size > 0


def test_an_answer_does_not_wait_for_a_write_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, attempts = threading.Event(), []

    def hang() -> str:
        attempts.append(1)
        assert go_on.wait(PATIENCE)
        return "ok"

    monkeypatch.setattr(writing, "PATIENCE", 0.01)
    trial = writing.Trial(hang)
    assert [trial.state(), trial.state()] == ["ok", "ok"]
    monkeypatch.setattr(writing, "LONGEST", 0.0)
    assert "too long" in trial.state()
    go_on.set()
    monkeypatch.setattr(writing, "PATIENCE", PATIENCE)
    assert trial.state() == "ok"
    assert len(attempts) == 1  # not more often than once a second


@pytest.fixture
def wrapper(tmp_path: Path) -> Iterator[Any]:
    """A connection to a database file of its own, which a test may remove."""
    config = {**connection.settings_dict, "NAME": str(tmp_path / "own.sqlite3")}
    made = base.DatabaseWrapper(config, alias="own")
    made.inc_thread_sharing()
    with made.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (word TEXT)")
    yield made
    made.close()


def insert(wrapper: Any) -> str:
    """Return "written" or the name of the refusal."""
    try:
        with wrapper.cursor() as cursor:
            cursor.execute("INSERT INTO kept VALUES ('x')")
    except DatabaseError as error:
        return type(error).__name__
    return "written"


@on_sqlite
def test_a_file_that_is_gone_or_another_is_not_written_to(wrapper: Any) -> None:
    path = Path(wrapper.settings_dict["NAME"])
    kept = path.with_name("kept")
    found = {"there": insert(wrapper)}
    path.rename(kept)
    found["gone"] = insert(wrapper)
    assert not wrapper.is_usable()
    with pytest.raises(base.FileGone):
        wrapper._start_transaction_under_autocommit()
    shutil.copy(kept, path)
    found["another"] = insert(wrapper)
    wrapper.close()
    found["another, opened again"] = insert(wrapper)
    path.unlink()
    found["gone, opened again"] = insert(wrapper)
    assert not path.exists()  # no empty one was made
    kept.rename(path)
    found["back"] = insert(wrapper)
    assert found == {
        "there": "written", "gone": "FileGone", "another": "FileGone",
        "another, opened again": "FileGone", "gone, opened again": "FileGone", "back": "written",
    }  # fmt: skip
    assert not wrapper.queue_held


@on_sqlite
@pytest.mark.usefixtures("trial")
def test_a_vanished_database_is_on_the_health_page(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {str(connection.settings_dict["NAME"]): (0, 0)}
    monkeypatch.setattr(identity, "_known", known)
    status, checks = health_page()
    assert status == 503
    assert "removed or replaced" in checks["writes"]
    with pytest.raises(base.FileGone), transaction.atomic():
        pass
