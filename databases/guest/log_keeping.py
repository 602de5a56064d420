"""The datastore's log on its way to the backup store, piece after piece, as long as it is told to.

What was sent and named is never sent again under another content: a piece has a number, and the store takes
each once. Where the log was lost on the way (nobody took it for too long, or the data have another history
now) it begins anew as another run, and the next backup is the first that it adds to.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from databases.guest import wire
from databases.guest.channel import Denied
from databases.guest.drivers.logging import LogGone, LogPlace
from databases.guest.methods import Methods

#: What is answered of a piece that cannot be.
NOT_TAKEN = 404
Say = Callable[[dict[str, Any]], object]


class LogKeeper:
    """Sends the log of this guest's datastore; ``say`` tells the control plane what was sent."""

    def __init__(self, methods: Methods, say: Say) -> None:
        self._methods, self._say = methods, say
        self._next = 0.0

    def look(self) -> None:
        """Send what is due. Raises what sending does; it is tried again at its next time."""
        told = self._methods.kept.get("log")
        if not told or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + float(told["every"])
        while self.send():
            pass

    def send(self) -> bool:
        """Send the next piece; tell whether more waits already."""
        told, store = self._methods.kept.get("log"), self._methods.store()
        if not told or store.is_following() or not store.process():
            return False
        if told.get("unheard"):
            return self._name(told, told["unheard"])
        begun = LogPlace(str(told["position"]), str(told["history"]))
        try:
            with store.log_piece(begun) as piece:
                url = str(told["url"]).format(number=told["number"])
                found = self._methods.transfers.send_output(
                    piece.programs,
                    {"urls": [url], "part_size": told["most"]},
                    user=store.place.user,
                    spool=self._methods.base(),
                )
                [part] = found["parts"]
                said = {
                    "archive": told["archive"],
                    "run": told["run"],
                    "number": told["number"],
                    "receipt": part["etag"],
                    "since": told["position"],
                    "position": piece.position,
                    "until": piece.until,
                }
                # the answer may be lost: then this is said again, for the store takes no number twice
                self._methods.change_log(told, unheard=said)
                more = self._name(told, said)
                piece.sent()
                return more
        except LogGone:
            place = store.begin_log()
            self._methods.change_log(
                told, run=secrets.token_hex(8), position=place.position, history=place.history
            )
            return True

    def _name(self, told: dict[str, Any], said: dict[str, Any]) -> bool:
        """Say which piece was sent until that was heard; tell whether more waits already."""
        try:
            self._say(wire.dumped("LogSent", said))
        except Denied as error:
            if error.status == NOT_TAKEN:  # it was not named, so its number is free
                self._methods.change_log(told, unheard=None)
            raise
        self._methods.change_log(
            told, number=said["number"] + 1, position=said["position"], unheard=None
        )
        return not said["until"]
