"""An API process whose threads hang is no better than one whose loop does: neither shows progress."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import cast

import pytest
import uvicorn

from cloudweb.pulse import Pulse
from cloudweb.server import bridge, serving
from cloudweb.server.bridge import REQUESTS, Bridge
from cloudweb.server.serving import LOOP, Server
from tests.infrastructure import PATIENCE, wait_until


class Counted(Pulse):
    """Counts what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.told = 0

    def _tell(self, message: bytes) -> None:
        self.told += 1


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    made = Counted()
    for module in (serving, bridge):
        monkeypatch.setattr(module, "pulse", lambda: made)
    made.part(LOOP)
    made.part(REQUESTS)
    return made


def test_threads_that_all_hang_are_silence_though_the_loop_turns(counted: Counted) -> None:
    hang, threads = threading.Event(), ThreadPoolExecutor(2)
    front = cast(Bridge, SimpleNamespace(threads=threads))
    server = Server(uvicorn.Config(lambda: None), bridge=front)

    def progress() -> bool:
        server.show_progress()
        return counted.told > 0

    wait_until(progress, what="idle threads show progress")
    wait_until(lambda: server._knock is None or server._knock.done(), what="none is knocked at")
    hung = [threads.submit(hang.wait, PATIENCE) for _ in range(2)]
    wait_until(lambda: all(one.running() for one in hung), what="all hang")
    counted.beat(LOOP)
    before = counted.told
    for _ in range(100):
        server.show_progress()
    assert counted.told == before
    assert threads._work_queue.qsize() == 1  # it knocks once
    hang.set()
    wait_until(lambda: progress() and counted.told > before, what="they go on")
    threads.shutdown()
