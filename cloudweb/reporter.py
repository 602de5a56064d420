"""What a host says to the control plane: a report every 10 seconds, from a thread of its own (OPERATIONS 21)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, cast

import structlog
from pydantic import ValidationError

from cloudweb.agent import Agent
from cloudweb.conf import intervals
from cloudweb.killpoints import Place
from cloudweb.line import Line
from cloudweb.objects import VersionedObject
from cloudweb.orderbook import OrderBook, Record
from cloudweb.pulse import pulse
from cloudweb.remotes import SAVE_TASK, HostTask, TaskProgress
from cloudweb.reports import Notice, Outcome, Report, ServiceReport, StepReport
from cloudweb.taken import Taken
from cloudweb.timetable import Timetable
from cloudweb.version import RELEASE
from cloudweb.voice import Voice

log = structlog.get_logger(__name__)
UNHEARD = 30  # reports whose facts are known apart; facts themselves stay with their agents
ASKS_EVERY = 600.0  # seconds, whether the control plane is another release by now
RECENT = 300.0  # outcomes of the last five minutes ride on each report
BEAT_EVERY = 2.5  # seconds
Message = dict[str, Any]


class Going(Protocol):
    """An order that a host has and that has not ended."""

    percent: int
    text: str

    @property
    def begun(self) -> bool:
        """Tell whether it no longer waits for its turn."""


class Reporter:
    """Says how a host is. ``going`` finds the work of an order by its place."""

    def __init__(
        self,
        agents: Mapping[str, Agent],
        book: OrderBook,
        voice: Voice,
        going: Callable[[Place], Going | None],
        timetable: Timetable,
        taken: Taken,
        line: Line,
    ) -> None:
        self._agents, self._book, self._voice, self._going = agents, book, voice, going
        self._timetable, self._taken_up_to, self._line = timetable, taken, line
        self._shown: dict[Place, tuple[int, str]] = {}  # how far work was when that was told last
        self._lock = threading.Lock()
        self._told: dict[int, dict[str, VersionedObject]] = {}  # by report, until it was taken
        self._sent: dict[int, float] = {}  # by report, where answers are needed
        self._full = True
        self._answered_at = time.monotonic()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._welcome = threading.Event()

    def start(self) -> None:
        """Report from now on."""
        threading.Thread(target=self._loop, name="report", daemon=True).start()

    def stop(self) -> None:
        """End after the report under way."""
        self._stopping.set()
        self._wake.set()

    def soon(self) -> None:
        """Report at once: something happened that users wait for."""
        self._wake.set()

    def is_awaited(self) -> bool:
        """Tell whether the next report is to come at once."""
        return self._wake.is_set()

    def wait_for_welcome(self, timeout: float) -> bool:
        """Wait until the control plane has answered a report of this start."""
        return self._welcome.wait(timeout)

    def _loop(self) -> None:
        first, part = True, f"{self._voice.host} report"
        pulse().part(part)
        while not self._stopping.is_set():
            try:
                self.report(init=first)
                first = first and not self._welcome.is_set()
            except Exception:
                log.exception("report failed")
            self._rest(part)
        pulse().excuse(part)

    def _rest(self, part: str) -> None:
        """Wait for the next report, or until there is something to say."""
        until = time.monotonic() + intervals().report
        while (left := until - time.monotonic()) > 0:
            pulse().beat(part)
            if self._wake.wait(min(left, BEAT_EVERY)):
                break
            self.tell_progress()
        self._wake.clear()

    def tell_progress(self) -> None:
        """Save how far long work is where that changed: who waits for it sees it before the next report."""
        shown: dict[Place, tuple[int, str]] = {}
        for record in self._book.records():
            going = self._going(record.place) if record.state == "EXECUTING" else None
            if going is None or not going.begun or record.direction == "debt":
                continue
            percent, text = shown[record.place] = going.percent, going.text
            if shown[record.place] == self._shown.get(record.place, (0, "")):
                continue
            task = HostTask(
                op=record.op,
                seq=record.seq,
                direction=record.direction,
                attempt=record.attempt,
            )
            self._line.tell(SAVE_TASK, task, TaskProgress(percent=percent, text=text))
        self._shown = shown

    def answered(self, notice: Notice) -> None:
        """Take what the control plane answers to a report."""
        skew = abs(time.time() - notice.now)
        if skew > 5:
            log.warning("this host's clock is off", seconds=round(skew, 1))
        self._timetable.follow(notice)
        if notice.boot_id == self._voice.boot_id:
            self._welcome.set()
            self._answered_at = time.monotonic()
            self._taken(notice.heard)
            self._tell_agents(notice.heard)
        self._full = self._full or notice.send_inventory
        if notice.send_inventory or notice.asks:
            self._wake.set()

    def _tell_agents(self, heard: int) -> None:
        """Tell those that need answers when the report was sent that was answered now."""
        with self._lock:
            sent_at = self._sent.get(heard)
            self._sent = {number: at for number, at in self._sent.items() if number > heard}
        for agent in self._agents.values():
            if sent_at is not None and agent.needs_answers:
                agent.answered(sent_at)

    def _taken(self, heard: int) -> None:
        """Let the agents forget what a report told; what older ones told was in it too."""
        with self._lock:
            parts = self._told.get(heard, {})
            self._told = {seq: told for seq, told in self._told.items() if seq > heard}
        for domain, part in parts.items():
            self._agents[domain].reported(part)

    def report(self, *, init: bool = False) -> Report:
        """Send one report and return it."""
        full, self._full = self._full or init, False
        taken = self._taken_up_to.times()  # before the orders that were taken are listed
        parts = dict(self._parts(full=full))
        kept = {name: part for name, part in parts.items() if self._agents[name].keeps(part)}
        asks = any(agent.needs_answers for agent in self._agents.values())
        report = Report(
            init=init,
            services=tuple(_service(domain, agent) for domain, agent in self._agents.items()),
            epoch=self._book.top_epoch(),
            steps=tuple(self._steps()),
            parts={domain: part.dump() for domain, part in parts.items()},
            wants_answer=bool(kept) or asks or time.monotonic() - self._answered_at > ASKS_EVERY,
            periodic=self._timetable.news(full=full),
            taken=dict(taken),
        )
        number = self._voice.number()
        if kept:
            with self._lock:
                self._told[number] = dict(kept)
                self._told = dict(list(self._told.items())[-UNHEARD:])
        if asks:
            with self._lock:
                self._sent[number] = time.clock_gettime(time.CLOCK_BOOTTIME)
                self._sent = dict(list(self._sent.items())[-UNHEARD:])
        if not self._voice.say("report", report, number=number) and full:
            self._full = True
        return report

    def _parts(self, *, full: bool) -> Iterator[tuple[str, VersionedObject]]:
        """Give what each domain says; one that cannot say anything does not silence the host."""
        for domain, agent in self._agents.items():
            try:
                part = agent.report(full=full)
            except Exception:
                log.exception("a domain could not report", domain=domain)
                continue
            if part is not None:
                yield domain, part

    def _steps(self) -> Iterator[StepReport]:
        """List what is queued, runs, or ended in the last five minutes.

        What the book calls EXECUTING and nobody works on was cut off: it is left out, so that the control
        plane orders it again.
        """
        for record in self._book.records():
            going = self._going(record.place) if record.state == "EXECUTING" else None
            newest = record if going else self._book.get(record.scope)  # it may have ended just now
            if newest is None or (newest.state == "EXECUTING" and going is None):
                continue
            if going is None and time.time() - newest.at > RECENT:
                continue
            try:
                yield _step_of(newest, going)
            except ValidationError:  # one that cannot be told does not silence the host
                log.exception("an order cannot be reported", scope=record.scope)


def _service(domain: str, agent: Agent) -> ServiceReport:
    speaks = {method.name: method.payload.VERSION for method in agent.methods()}
    return ServiceReport(domain=domain, version=RELEASE, speaks=speaks)


def _step_of(record: Record, going: Going | None) -> StepReport:
    return StepReport(
        op=record.op,
        seq=record.seq,
        direction=record.direction,
        attempt=record.attempt,
        outcome="EXECUTING" if going else cast(Outcome, record.outcome),
        queued=going is not None and not going.begun,
        progress=going.percent if going else 0,
        text=going.text if going else "",
        result={} if going else record.result,
        error={} if going else record.error,
    )
