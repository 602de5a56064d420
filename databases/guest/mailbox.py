"""The agent at work: it polls its mailbox, does what is ordered one after the other, and says what came of it.

Orders run in one thread in the order of their numbers, questions in another, so that a long order keeps
nobody waiting for an answer. Whatever is lost on the way is said again.
"""

from __future__ import annotations

import queue
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from databases.guest import wire
from databases.guest.channel import Away, Denied
from databases.guest.failures import GuestFailure
from databases.guest.identity import Identity
from databases.guest.journal import Journal
from databases.guest.methods import QUERIES, Methods, done
from databases.guest.report import report
from databases.guest.signing import BadSignature

Letter = dict[str, Any]
#: Of the control plane's wait a poll's own patience is longer, so a dead connection is noticed.
PATIENCE = 15.0
MOST_WAIT = 5.0
#: Not where an answer is awaited: done beside whatever is under way.
BESIDE = QUERIES | {"guestagent.stop"}


def say(text: str) -> None:
    """Write a line to the agent's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")
    sys.stderr.flush()


class Mailbox:
    """One guest's mailbox; ``newer`` is told which program the control plane has."""

    def __init__(
        self,
        identity: Identity,
        methods: Methods,
        journal: Journal,
        *,
        boot: str,
        newer: Callable[[dict[str, Any]], None] = lambda _hint: None,
    ) -> None:
        self._identity, self._methods, self._journal = identity, methods, journal
        self._boot, self._newer = boot, newer
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._orders: queue.Queue[Letter] = queue.Queue()
        self._questions: queue.Queue[Letter] = queue.Queue()

    def begin(self) -> None:
        """Start the threads that do what is ordered."""
        for waiting in (self._orders, self._questions):
            threading.Thread(target=self._work, args=(waiting,), daemon=True).start()

    def enrol(self) -> None:
        """Be known; try until it is so. Raises Denied where the token does not count."""
        pause = Pause()
        while True:
            try:
                self._identity.enrol(self.report())
            except Away as error:
                say(f"enrolment: {error}")
                pause.wait()
            else:
                return

    def run(self) -> None:
        """Poll until the process ends."""
        pause = Pause()
        while True:
            try:
                self._identity.renew_if_due()
                self.poll()
            except (Away, Denied) as error:
                say(f"mailbox: {error}")
                pause.wait()
            else:
                pause.reset()

    def poll(self) -> None:
        """Ask once and take what is there. Raises Away, Denied."""
        answer = self._identity.voice().say(
            "mailbox", self.report(), timeout=self._identity.poll + PATIENCE
        )
        data = wire.loaded("GuestAnswer", answer)
        if data.get("letter"):
            self.take(data["letter"])
        if data.get("agent"):
            self._newer(data["agent"])

    def take(self, message: dict[str, Any]) -> None:
        """Judge a letter and queue it; what is forged is dropped."""
        try:
            letter = self._identity.opened(message)
        except BadSignature as error:
            say(f"letter dropped: {error} {error.detail}")
            return
        name = str(letter["letter"])
        with self._lock:
            if name in self._under_way:
                return
            self._under_way.add(name)
        waiting = self._questions if str(letter["method"]) in BESIDE else self._orders
        waiting.put(letter)

    def is_idle(self) -> bool:
        """Tell whether nothing is under way."""
        with self._lock:
            return not self._under_way

    def report(self) -> dict[str, Any]:
        """Return what is said with every word."""
        with self._lock:
            under_way = set(self._under_way)
        return report(self._methods, boot=self._boot, under_way=under_way)

    def heartbeat(self) -> None:
        """Say how things are, outside of a poll. Raises Away, Denied."""
        self._identity.voice().say("heartbeat", self.report())

    def keep_house(self) -> None:
        """Serve again what died by itself while nothing is under way; keep logs small."""
        kept = self._methods.kept
        if not self.is_idle() or not kept.get("version"):
            return
        store = self._methods.store()
        store.trim_logs()
        if not kept.get("wanted") or self._methods.held:
            return
        if not store.process():
            say("the datastore has ended: it is started again")
            self._methods.start({})
        elif store.stands_still():
            say("the replica stands still: it is started again")
            store.stop()  # it stays wanted: whoever dies now finds that it has ended
            self._methods.start({})

    def _work(self, waiting: queue.Queue[Letter]) -> None:
        while True:
            letter = waiting.get()
            try:
                self.do(letter)
            except Exception as error:  # noqa: BLE001  the agent goes on; the letter comes again
                say(f"{letter.get('method')}: {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._under_way.discard(str(letter["letter"]))

    def do(self, letter: Letter) -> None:
        """Do a letter, if it is to be done, and tell what came of it until that is heard."""
        if letter["op"] == "" and letter["method"] in QUERIES:
            self._tell(self._outcome(letter))
            return
        verdict = self._journal.judge(letter)
        if verdict == "run":
            began = time.monotonic()
            result = self._outcome(letter)
            took = time.monotonic() - began
            say(f"{letter['method']}: {result['outcome']} after {took:.1f} s")
            self._journal.ended(letter, result)
        elif verdict == "answer":
            result = self._journal.result(str(letter["letter"]))
        elif verdict == "stale":
            result = {"letter": letter["letter"], "outcome": "STALE"}
        else:
            return
        self._tell(result)

    def _outcome(self, letter: Letter) -> dict[str, Any]:
        named = {"letter": letter["letter"]}
        try:
            return {**named, "outcome": "DONE", "answer": done(self._methods, letter)}
        except GuestFailure as error:
            return {**named, "outcome": "FAILED", "error": error.said()}
        except Exception as error:  # noqa: BLE001  told to the operators; the agent goes on
            said = GuestFailure(
                "The database's agent met an error.", detail=f"{type(error).__name__}: {error}"
            )
            return {**named, "outcome": "FAILED", "error": said.said()}

    def _tell(self, result: dict[str, Any]) -> None:
        body = wire.dumped("GuestResult", {**result, "report": self.report()})
        pause = Pause()
        while True:
            try:
                self._identity.voice().say("result", body)
            except Away as error:
                say(f"result: {error}")
                pause.wait()
            except Denied as error:
                say(f"result refused: {error}")
                return
            else:
                return


class Pause:
    """Waits longer each time, up to a few seconds, and not all guests at once."""

    def __init__(self) -> None:
        self._next = 0.2

    def reset(self) -> None:
        """Begin anew."""
        self._next = 0.2

    def wait(self) -> None:
        """Wait."""
        time.sleep(self._next * random.uniform(0.5, 1))  # noqa: S311  no secret
        self._next = min(self._next * 2, MOST_WAIT)
