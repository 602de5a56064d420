"""Beat, workers and broker killed in any order: a periodic task runs once an interval, never twice."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cloudweb import process
from operations.testing import Processes
from tests.builders.identity import make_member
from tests.builders.periodic import NAME, read_tides, row
from tests.infrastructure import PATIENCE, wait_until

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
]


class Broker:
    """A Redis that is killed and comes back empty."""

    def __init__(self, home: Path) -> None:
        self.socket, self._log = home / "r.sock", home / "redis.log"
        self._server: Any = None

    def start(self) -> None:
        self._server = process.start_child(
            "redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "",
            "--appendonly", "no", "--dir", str(self.socket.parent), log=self._log,
        )  # fmt: skip
        wait_until(self.socket.exists, what="Redis listens")

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait(PATIENCE)
        self.socket.unlink(missing_ok=True)
        self._server = None


class Log:
    """What runs of the task left: when each began, and from when on the next one may."""

    def __init__(self, home: Path) -> None:
        self.path, self.dies = home / "runs", home / "dies"
        self.path.touch()

    def run(self) -> None:
        """Be the task; die in the middle when told to."""
        found = row()
        assert found.started_at is not None
        assert found.next_at is not None
        line = json.dumps([found.started_at.timestamp(), found.next_at.timestamp()])
        with self.path.open("a") as file:
            file.write(f"{line}\n")
        if self.dies.exists():
            self.dies.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def runs(self) -> list[tuple[float, float]]:
        return [tuple(json.loads(line)) for line in self.path.read_text().splitlines()]

    def wait_for_one_more(self) -> None:
        before = len(self.runs())
        wait_until(lambda: len(self.runs()) > before, what="the task runs again")


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with_short_path = tmp_path_factory.mktemp("b")
    made = Broker(with_short_path)
    made.start()
    yield made
    made.kill()


def test_it_runs_once_an_interval_whatever_dies(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAT", "apart")
    log = Log(tmp_path)
    with (
        read_tides(log.run, every=1),
        Processes(tmp_path, f"redis+socket://{broker.socket}") as processes,
    ):
        processes.start_beat()
        processes.start_control("control-a")
        processes.start_control("control-b")
        log.wait_for_one_more()

        processes.kill("beat")  # the sweep rings for it
        log.wait_for_one_more()
        processes.start_beat()
        processes.start_beat("beat-b")  # two ring at once
        log.wait_for_one_more()

        broker.kill()  # nobody hears a ring
        log.wait_for_one_more()
        processes.kill("control-a")
        processes.start_control("control-a")  # a worker that starts without a broker
        processes.kill("control-b")
        log.wait_for_one_more()
        broker.start()
        processes.start_control("control-b")
        log.wait_for_one_more()

        log.dies.touch()  # one dies in the middle of a run
        wait_until(
            lambda: not all(map(processes.is_alive, ("control-a", "control-b"))),
            what="a worker dies",
        )
        log.wait_for_one_more()
        for name in ("beat", "beat-b", "control-a", "control-b"):
            processes.kill(name)
        broker.kill()
        broker.start()
        processes.start_control("control-a")
        processes.start_beat()
        log.wait_for_one_more()
        wait_until(lambda: row().owner == "", what="the last run has ended")
        for name in ("beat", "control-a"):
            processes.kill(name)

    runs = log.runs()
    early = [
        (this, following) for this, following in itertools.pairwise(runs) if following[0] < this[1]
    ]
    assert early == []
    assert row().runs <= len(runs) - 1  # one died
    assert row().error == ""
    page = re.sub(
        r"<[^>]*>|\s+", " ", _admin().get("/admin/operations/periodictask/").content.decode()
    )
    assert re.search(rf"{re.escape(NAME)} *Read the tides\. +control plane +1 s", page)


def _admin() -> Client:
    client = Client()
    client.force_login(make_member("admin"), backend="identity.backends.SqlBackend")
    return client
