"""What a viewer of a recorded console is shown is written down, some seconds at a time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from cloudweb.exceptions import CloudwebError
from instances.cast import Typist
from instances.manager import keep_recorded

#: Seconds after which what was shown is kept at the latest, and letters that are kept together.
EVERY, TOGETHER = 5.0, 64 * 1024
InThread = Callable[[Callable[[], None]], Awaitable[None]]


class Tape:
    """One recording under way; ``in_thread`` does what asks the database."""

    def __init__(self, recording_id: UUID, in_thread: InThread) -> None:
        self._recording_id, self._in_thread = recording_id, in_thread
        self._typist = Typist()
        self._began = time.monotonic()
        self._waiting: list[str] = []
        self._number = 1  # the first part is the header
        self._writing = asyncio.Lock()

    async def hear(self, data: bytes) -> None:
        """Take what is about to be shown; raise ConsoleRecordingEnded where nothing is kept after it."""
        self._waiting.append(self._typist.line(data, after=time.monotonic() - self._began))
        if sum(map(len, self._waiting)) >= TOGETHER:
            await self._write()

    async def run(self) -> None:
        """Keep what was shown every few seconds; raise ConsoleRecordingEnded."""
        while True:
            await asyncio.sleep(EVERY)
            await self._write()

    async def end(self) -> None:
        """Keep the rest."""
        with contextlib.suppress(CloudwebError):  # it is full, or was forgotten
            await self._write()

    async def _write(self) -> None:
        async with self._writing:
            lines = "".join(self._waiting)
            self._waiting.clear()
            if lines:
                number, self._number = self._number, self._number + 1
                kept = self._in_thread(partial(keep_recorded, self._recording_id, number, lines))
                await asyncio.shield(kept)  # it was shown, so it is kept though its viewer is gone
