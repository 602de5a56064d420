"""The runtime of a host's agents: takes signed orders, works through them, reports every 10 seconds.

No database and no module-level state: one process can be many simulated hosts. An order is judged and
recorded when it arrives and runs when it is its turn (``cloudweb/shares.py``); whoever repeats it
meanwhile joins it. The report has a thread of its own (``cloudweb/reporter.py``).

Locks are taken in one order: a scope's, the order book's, the runtime's; nothing is sent under any of
them (OPERATIONS 50).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from cloudweb.agent import Agent, Function
from cloudweb.conf import intervals
from cloudweb.driver import DiskFull, Interrupted, TransientDriverError, is_full
from cloudweb.exceptions import CloudwebError
from cloudweb.killpoints import Place, reach
from cloudweb.line import Line
from cloudweb.messages import NoticeMessage, Question, StepOrder
from cloudweb.objects import IncompatibleObject
from cloudweb.orderbook import OrderBook, Record
from cloudweb.periodic import PeriodicTask
from cloudweb.pulse import pulse
from cloudweb.remotes import AnswerMessage
from cloudweb.reporter import Reporter
from cloudweb.reports import CallAnswer, Notice, Outcome, Reply, Report, StepReport
from cloudweb.rpc import Method, deliver
from cloudweb.shares import Job, Kind, Pool, Shares
from cloudweb.signing import BadSignature, OrderVerifier
from cloudweb.taken import Taken
from cloudweb.timetable import Timetable
from cloudweb.topics import HOST_DOMAINS, host_topic
from cloudweb.voice import Voice

log = structlog.get_logger(__name__)
LOOK_EVERY = 1.0  # seconds, at who takes long
Message = dict[str, Any]


class OrderWork:
    """An order that this host has: waits for its turn, then is the work as its driver sees it."""

    def __init__(
        self, book: OrderBook, method: Method[Any], function: Function, order: StepOrder
    ) -> None:
        self._book = book
        self.method, self.function, self.order = method, function, order
        self.scope = order.scope
        self.place: Place = (order.op, order.seq, order.direction)
        self.job: Job | None = None  # once it is recorded
        self.record: Record | None = None
        self.percent, self.text = 0, ""

    @property
    def begun(self) -> bool:
        """Tell whether it no longer waits for its turn."""
        return self.job is not None and self.job.began is not None

    def current(self) -> bool:
        """Tell whether this order is still the newest about its scope."""
        newest = self._book.get(self.scope)
        return newest is not None and newest.place == self.place

    def checkpoint(self) -> None:
        """Raise Interrupted once a newer order took over."""
        if not self.current():
            raise Interrupted

    def progress(self, percent: int, text: str = "") -> None:
        """Note how far it is: nothing is sent while a scope's lock is held."""
        self.percent, self.text = max(0, min(100, percent)), text[:200]


class HostRuntime:
    """One host: its agents, its order book and what it says to the control plane."""

    def __init__(
        self,
        host: str,
        directory: Path,
        agents: Mapping[str, Agent],
        *,
        send: Callable[[Message], bool] = deliver,
        pool: Pool | None = None,
    ) -> None:
        self.host = host
        self.agents = {domain: agents[domain] for domain in HOST_DOMAINS if domain in agents}
        self.boot_id = uuid.uuid4().hex
        self.book = OrderBook(directory / "orders")
        self._topics = {domain: host_topic(domain, host) for domain in self.agents}
        self._verifier = OrderVerifier.from_file(
            directory / "credentials" / "orders.pub", topics=self._topics.values()
        )
        key = (directory / "credentials" / "host.key").read_bytes().strip()
        self.voice = Voice(host, self.boot_id, key, send)
        kept = directory / f"periodic-{'-'.join(self.agents)}.json"
        self.line = Line(self.voice, next(iter(self.agents), ""))
        self.timetable = Timetable(kept, self.agents, more=_tasks_of(self.book, self.agents))
        self.taken = Taken(self.agents)
        self.reporter = Reporter(
            self.agents, self.book, self.voice, self._going, self.timetable, self.taken, self.line
        )
        self._methods = {
            method.name: (method, function)
            for agent in self.agents.values()
            for method, function in agent.methods().items()
        }
        self.shares = Shares(self.agents, pool)
        self._lock = threading.Lock()
        self._works: dict[Place, OrderWork] = {}
        self._stopping = threading.Event()

    # -- life

    def start(self) -> None:
        """Make the host be as its disk says, then report from a thread of its own."""
        for domain, agent in self.agents.items():
            agent.listen(self.reporter.soon)
            agent.watch(partial(self.book.lost, domain))
            agent.owing(self._owes)
            problems = agent.init_host()
            if problems:
                log.warning("host came back with problems", domain=domain, problems=list(problems))
        self.reporter.start()
        threading.Thread(target=self._look_after, name="shares", daemon=True).start()
        threading.Thread(target=self._start_guests, name="start-guests", daemon=True).start()
        self.timetable.start()

    def _look_after(self) -> None:
        """Look at the shares, and show that no lock is held for ever."""
        part = f"{self.host} shares"
        pulse().part(part)
        while not self._stopping.wait(LOOK_EVERY):
            self.shares.look()
            with self.book.mutex(), self._lock:
                pulse().beat(part)
        pulse().excuse(part)

    def _start_guests(self) -> None:
        """Start what ran before the machine went down, after the debts were paid (OPERATIONS 28).

        The debts come before the answer to the first report. A control plane that is away is not
        waited for longer than an order would be: running guests depend on nothing central.
        """
        self.reporter.wait_for_welcome(intervals().order_retry)
        limit = time.monotonic() + intervals().order_retry
        while self._owes() and time.monotonic() < limit and not self._stopping.is_set():
            time.sleep(0.05)
        for agent in self.agents.values():
            if not self._stopping.is_set():
                agent.start_guests(self.book.scope_lock)

    def _owes(self) -> bool:
        with self._lock:
            return any(direction == "debt" for _, _, direction in self._works)

    def stop(self) -> None:
        """Stop reporting and taking orders; guests and networks stay."""
        self._stopping.set()
        self.reporter.stop()
        self.timetable.stop()
        for agent in self.agents.values():
            agent.stop()
        self.shares.stop()

    @property
    def method_names(self) -> tuple[str, ...]:
        """What the agents of this host expose: the only tasks its queues know."""
        return tuple(self._methods)

    def report(self, *, init: bool = False) -> Report:
        """Send one report and return it."""
        return self.reporter.report(init=init)

    def notice(self, message: Message) -> None:
        """Take what the control plane answers to a report."""
        try:
            verified = self._verifier.verify(message)
            notice = Notice.load(NoticeMessage.read(verified).notice)
        except (BadSignature, IncompatibleObject, KeyError, TypeError, ValueError) as error:
            log.warning("notice refused", error=repr(error), detail=getattr(error, "detail", ""))
            return
        self.taken.note(verified["topic"].partition(".")[0], notice.now)
        if notice.boot_id == self.boot_id:
            self.line.hears(notice.hears)
        self.reporter.answered(notice)

    def answer(self, message: Message) -> None:
        """Take the control plane's answer to what this host had done there."""
        try:
            self.line.answered(AnswerMessage.read(self._verifier.verify(message)))
        except (BadSignature, IncompatibleObject, KeyError, TypeError, ValueError) as error:
            log.warning("answer refused", error=repr(error), detail=getattr(error, "detail", ""))

    # -- orders (OPERATIONS 14-19 and 45)

    def receive(self, message: Message) -> None:
        """Take an order or a question from the queue; what the cloud did not sign is dropped."""
        with self.taken.recording():
            self._receive(message)

    def _receive(self, message: Message) -> None:
        try:
            verified = self._verifier.verify(message)
            order = (Question if "call" in verified else StepOrder).read(verified)
            method, function = self._method_on(verified["topic"], order.method)
        except (BadSignature, IncompatibleObject, KeyError, TypeError, ValueError) as error:
            log.warning("order refused", error=repr(error), detail=getattr(error, "detail", ""))
            return
        if isinstance(order, Question):
            answer = partial(self._answer, method, function, order)
            lane = f"call {order.call}"
            self.shares.submit(Job("urgent", method.domain, lane, answer))
            return
        with _bound(order, host=self.host):
            try:
                self._take(OrderWork(self.book, method, function, order))
            except Exception:
                log.exception("order could not be taken", method=method.name)

    def _method_on(self, topic: str, name: str) -> tuple[Method[Any], Function]:
        """Return a method and what does it; raise BadSignature where the order is for another topic."""
        method, function = self._methods[name]
        if topic != self._topics[method.domain]:
            raise BadSignature(detail=f"{name} on {topic!r}")
        return method, function

    def _take(self, work: OrderWork) -> None:
        """Judge an order and record it; then let it wait for its turn, without a thread."""
        method, run = work.method, partial(self._work, work)
        job = Job(_kind_of(method), method.domain, _lane_of(work), run)
        replies = [self._admit(work, job)]
        if work.job is not None:
            replies += [self._stale(older) for older in self._superseded(work)]
            self.shares.submit(job)
        for reply in filter(None, replies):
            self._reply(reply)

    def _admit(self, work: OrderWork, job: Job) -> StepReport | None:
        """Judge an order by its scope's record; give it its job if it shall run, or return the reply."""
        order, scope = work.order, work.scope
        with self.book.mutex():
            known = self.book.get(scope)
            if known is not None and order.epoch < known.epoch:
                return _reply_to(order, "STALE", epoch=known.epoch)
            if known is not None and known.place == work.place:
                newer = replace(known, attempt=order.attempt, epoch=order.epoch)
                if known.state == "DONE":
                    self.book.write(newer)
                    return _reply_to(order, "DONE", result=known.result)
                if self._joins(work):
                    self.book.write(newer)
                    return None
            work.record = self.book.begin(
                Record(
                    scope=scope,
                    epoch=order.epoch,
                    op=order.op,
                    seq=order.seq,
                    direction=order.direction,
                    attempt=order.attempt,
                    boot_id=self.boot_id,
                    state="EXECUTING",
                )
            )
            work.job = job
            with self._lock:
                self._works[work.place] = work
            return None

    def _joins(self, work: OrderWork) -> bool:
        """Tell whether an order repeats one that this host has; one that waits does what was said last."""
        with self._lock:
            known = self._works.get(work.place)
            if known is not None and not known.begun:
                known.order = work.order
            return known is not None

    def _superseded(self, newer: OrderWork) -> Iterator[OrderWork]:
        """Take back those that waited for a scope which a newer order is about, without a thread."""
        with self._lock:
            older = [one for one in self._works.values() if one.scope == newer.scope]
        for work in older:
            if work is not newer and work.job is not None and self.shares.withdraw(work.job):
                self._leave(work)
                yield work

    def _going(self, place: Place) -> OrderWork | None:
        with self._lock:
            return self._works.get(place)

    def _leave(self, work: OrderWork) -> None:
        with self._lock:
            if self._works.get(work.place) is work:
                del self._works[work.place]

    def _work(self, work: OrderWork) -> None:
        """Run an order under its scope's lock, record the outcome, and reply."""
        with _bound(work.order, host=self.host):
            try:
                try:
                    with self.book.scope_lock(work.scope):
                        reply = self._effect(work)
                finally:
                    self._leave(work)
                self._reply(reply)
            except Exception:
                log.exception("order failed outside its method", method=work.method.name)

    def _effect(self, work: OrderWork) -> StepReport:
        if not work.current():
            return self._stale(work)
        method, order, record = work.method, work.order, work.record
        assert record is not None
        result: Message = {}
        error: dict[str, str] = {}
        try:
            payload = method.payload.load(order.payload)
            reach("effect.before", record.place)
            answer = work.function(payload, work)
            reach("effect.after", record.place)
            result = {} if answer is None else answer.dump()
            outcome: Outcome = "DONE"
        except Interrupted:
            return self._stale(work)
        except TransientDriverError as problem:
            outcome, error = "TRANSIENT", _error(problem)
        except CloudwebError as problem:
            outcome, error = "FINAL", _error(problem)
        except Exception as problem:
            outcome = "TRANSIENT"
            if is_full(problem):
                error = _error(DiskFull(detail=str(problem)))
            else:
                log.exception("agent method raised", method=method.name)
                error = {
                    "code": "internal_error",
                    "public": CloudwebError.default_message,
                    "detail": repr(problem)[:2000],
                }
        if error:
            log.warning("order failed", method=method.name, outcome=outcome, **error)
        ended = self.book.finish(record, outcome, result=result, error=error)
        if ended is None:
            return self._stale(work)
        return _reply_to(
            order.model_copy(update={"attempt": ended.attempt}), outcome, result=result, error=error
        )

    def _stale(self, work: OrderWork) -> StepReport:
        newest = self.book.get(work.scope)
        return _reply_to(work.order, "STALE", epoch=newest.epoch if newest else work.order.epoch)

    def _reply(self, step: StepReport) -> None:
        place = step.op, step.seq, step.direction
        reach("reply.before", place)
        self.voice.say("reply", Reply(step=step))
        reach("reply.after", place)

    def _answer(self, method: Method[Any], function: Function, order: Question) -> None:
        """Answer a question."""
        call = order.call
        try:
            answer = function(method.payload.load(order.payload))
            said = CallAnswer(call=call, outcome="DONE", result=answer.dump() if answer else {})
        except CloudwebError as problem:
            said = CallAnswer(call=call, outcome="FINAL", error=_error(problem))
        except Exception as problem:
            log.exception("question raised", method=method.name)
            error = {"public": "", "detail": repr(problem)[:2000]}
            said = CallAnswer(call=call, outcome="FINAL", error=error)
        self.voice.say("answer", said)


def _tasks_of(book: OrderBook, domains: Iterable[str]) -> dict[PeriodicTask, Callable[[], None]]:
    """Return the runtime's own periodic tasks, as each domain's."""
    does = "Remove records of orders that ended 30 days ago."
    return {
        PeriodicTask(f"{domain}.forget_old_orders", 86400, does, OrderBook, "forget_old"): partial(
            book.forget_old, domain
        )
        for domain in domains
    }


@contextmanager
def _bound(order: StepOrder, *, host: str) -> Iterator[None]:
    """Let every line of the log name the order."""
    names = {"request_id": order.request_id, "operation": order.op, "host": host}
    structlog.contextvars.bind_contextvars(**names)
    try:
        yield
    finally:
        structlog.contextvars.unbind_contextvars(*names)


def _kind_of(method: Method[Any]) -> Kind:
    if method.urgent:
        return "urgent"
    return "patient" if method.patient else "ordinary"


def _lane_of(work: OrderWork) -> str:
    """Return what an order is done in turn with: its scope, or what its method names."""
    if work.method.in_turn is None:
        return work.scope
    try:
        payload = work.method.payload.load(work.order.payload)
    except IncompatibleObject:  # said when it is its turn
        return work.scope
    return f"{work.method.domain}:{work.method.in_turn(payload)}"


def _reply_to(order: StepOrder, outcome: Outcome, **more: Any) -> StepReport:
    return StepReport(
        op=order.op,
        seq=order.seq,
        direction=order.direction,
        attempt=order.attempt,
        outcome=outcome,
        **more,
    )


def _error(problem: CloudwebError) -> dict[str, str]:
    return {"code": problem.code, "public": problem.message, "detail": problem.detail}
