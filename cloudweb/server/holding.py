"""Held answers: a poll that finds nothing waits in the loop, and takes no thread, until there is news.

An answer with ``X-Cloudweb-Hold: <what> <seconds>`` is not sent. What has news is asked once every
``PERIOD`` for all that wait together, of the function that ``settings.HELD`` names. When there is news, or
the time is over, the request runs once more with ``cloudweb.held`` in its environment, and that answer is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import Executor
from typing import Any

import structlog

from cloudweb.server.answers import Answer

log = structlog.get_logger(__name__)
HEADER = b"x-cloudweb-hold"
ENVIRON = "cloudweb.held"
PERIOD = 0.5
LONGEST = 60.0


def hold_of(answer: Answer) -> tuple[str, float] | None:
    """Return what an answer waits for and how long; the header never leaves the house."""
    said = next((value for name, value in answer.headers if name == HEADER), None)
    if said is None:
        return None
    answer.headers = [pair for pair in answer.headers if pair[0] != HEADER]
    what, _, seconds = said.decode("latin-1").partition(" ")
    return what, min(float(seconds), LONGEST)


class Holds:
    """Those who wait, by what for."""

    def __init__(self, news: Callable[[], Collection[str]], threads: Executor) -> None:
        self._news, self._threads = news, threads
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._over = False

    async def wait(self, what: str, seconds: float, gone: Callable[[], Awaitable[Any]]) -> None:
        """Wait for news, for the end of the time, or until the client is gone."""
        if self._over:
            return
        event = asyncio.Event()
        self._waiting.setdefault(what, set()).add(event)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        tasks = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(gone())]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._waiting[what].discard(event)
            if not self._waiting[what]:
                del self._waiting[what]

    def release(self) -> None:
        """Let all go: the server ends."""
        self._over = True
        for what in list(self._waiting):
            self._tell(what)

    async def _look(self) -> None:
        """Ask for news as long as anybody waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(PERIOD)
                found: Collection[str] = ()
                try:
                    found = await loop.run_in_executor(self._threads, self._news)
                except Exception as error:  # noqa: BLE001  the database is away: they wait on
                    log.warning("no news of what is waited for", error=repr(error))
                for what in self._waiting.keys() & set(found):
                    self._tell(what)
        finally:
            self._looking = None

    def _tell(self, what: str) -> None:
        with contextlib.suppress(KeyError):
            for event in self._waiting[what]:
                event.set()
