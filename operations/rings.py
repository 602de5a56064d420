"""Who opens when the doorbell rings: a few threads of each control worker that advance operations."""

from __future__ import annotations

from cloudweb.topics import DOORBELL
from operations.engine import advance
from operations.reader import Message, PooledReader


class Rings(PooledReader):
    """Each ring names an operation that somebody should look at; one that is lost is found by the sweep."""

    queue = DOORBELL

    def work(self, message: Message) -> None:
        """Look at it, if it is due and nobody is at it."""
        advance(str(message["operation"]))
