"""The runtime of a host's agents: takes signed orders, works through them, reports every 10 seconds.

No database and no module-level state: one process can be many simulated hosts. An order runs in one of
six threads; two more belong to urgent ones and to questions, many to those that wait for a guest. The
report has a thread of its own.

Locks are taken in one order: a scope's, the order book's, the runtime's; nothing is sent under any of
them (OPERATIONS 50).
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import structlog
from pydantic import ValidationError

from cloudweb.agent import Agent, Function
from cloudweb.conf import intervals
from cloudweb.driver import Interrupted, TransientDriverError
from cloudweb.exceptions import CloudwebError
from cloudweb.killpoints import Place, reach
from cloudweb.objects import IncompatibleObject, VersionedObject
from cloudweb.orderbook import OrderBook, Record
from cloudweb.reports import CallAnswer, Notice, Outcome, Reply, Report, ServiceReport, StepReport
from cloudweb.rpc import Envelope, Method, deliver
from cloudweb.signing import BadSignature, OrderVerifier, mac
from cloudweb.topics import HOST_DOMAINS, host_topic
from cloudweb.version import RELEASE

log = structlog.get_logger(__name__)
ORDINARY, URGENT, PATIENT = 6, 2, 64
UNHEARD = 30  # reports whose facts are known apart; facts themselves stay with their agents
RECENT = 300.0  # outcomes of the last five minutes ride on each report
Message = dict[str, Any]


class Pool(Protocol):
    """Where orders run; tests bring one that runs them on the spot."""

    def submit(self, job: Callable[..., Any], /, *args: Any) -> Any:
        """Run a job some time."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more."""


class OrderWork:
    """The work of one order, as its driver sees it."""

    def __init__(self, host: HostRuntime, record: Record) -> None:
        self._host, self._record = host, record
        self.percent, self.text = 0, ""

    def current(self) -> bool:
        """Tell whether this order is still the newest about its scope."""
        newest = self._host.book.get(self._record.scope)
        return newest is not None and newest.place == self._record.place

    def checkpoint(self) -> None:
        """Raise Interrupted once a newer order took over."""
        if not self.current():
            raise Interrupted

    def progress(self, percent: int, text: str = "") -> None:
        """Note how far it is, for the next report."""
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
        pools: tuple[Pool, Pool] | None = None,
    ) -> None:
        self.host = host
        self.agents = {domain: agents[domain] for domain in HOST_DOMAINS if domain in agents}
        self.boot_id = uuid.uuid4().hex
        self.book = OrderBook(directory / "orders")
        self._key = (directory / "credentials" / "host.key").read_bytes().strip()
        self._topics = {domain: host_topic(domain, host) for domain in self.agents}
        self._verifier = OrderVerifier.from_file(
            directory / "credentials" / "orders.pub", topics=self._topics.values()
        )
        self._send = send
        self._methods = {
            method.name: (method, function)
            for agent in self.agents.values()
            for method, function in agent.methods().items()
        }
        self._ordinary: Pool
        self._urgent: Pool
        self._patient: Pool = (
            pools[0] if pools else ThreadPoolExecutor(PATIENT, thread_name_prefix="patient")
        )
        self._ordinary, self._urgent = pools or (
            ThreadPoolExecutor(ORDINARY, thread_name_prefix="order"),
            ThreadPoolExecutor(URGENT, thread_name_prefix="urgent"),
        )
        self._lock = threading.Lock()
        self._works: dict[Place, OrderWork] = {}
        self._waiting: Counter[Place] = Counter()
        self._seq = 0
        self._told: dict[int, dict[str, VersionedObject]] = {}  # by report, until it was taken
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._welcome = threading.Event()
        self._full = True
        self._thread: threading.Thread | None = None

    # -- life

    def start(self) -> None:
        """Make the host be as its disk says, then report from a thread of its own."""
        for domain, agent in self.agents.items():
            agent.listen(self.report_soon)
            agent.watch(partial(self.book.lost, domain))
            problems = agent.init_host()
            if problems:
                log.warning("host came back with problems", domain=domain, problems=list(problems))
        self._thread = threading.Thread(target=self._report_loop, name="report", daemon=True)
        self._thread.start()
        threading.Thread(target=self._start_guests, name="start-guests", daemon=True).start()

    def _start_guests(self) -> None:
        """Start what ran before the machine went down, after the debts were paid (OPERATIONS 28).

        The debts come before the answer to the first report. A control plane that is away is not
        waited for longer than an order would be: running guests depend on nothing central.
        """
        self._welcome.wait(intervals().order_retry)
        limit = time.monotonic() + intervals().order_retry
        while self._owes() and time.monotonic() < limit and not self._stopping.is_set():
            time.sleep(0.05)
        for agent in self.agents.values():
            if not self._stopping.is_set():
                agent.start_guests(self.book.scope_lock)

    def _owes(self) -> bool:
        with self._lock:
            return any(direction == "debt" for _, _, direction in self._waiting)

    def stop(self) -> None:
        """Stop reporting and taking orders; guests and networks stay."""
        self._stopping.set()
        self._wake.set()
        for agent in self.agents.values():
            agent.stop()
        for pool in (self._ordinary, self._urgent, self._patient):
            pool.shutdown(wait=False, cancel_futures=True)

    @property
    def method_names(self) -> tuple[str, ...]:
        """What the agents of this host expose: the only tasks its queues know."""
        return tuple(self._methods)

    # -- orders (OPERATIONS 14-19)

    def receive(self, message: Message) -> None:
        """Take an order or a question from the queue; what the cloud did not sign is dropped."""
        try:
            order = self._verifier.verify(message)
            method, function = self._method_on(order["topic"], order["method"])
        except (BadSignature, KeyError, TypeError, ValueError) as error:
            log.warning("order refused", error=repr(error), detail=getattr(error, "detail", ""))
            return
        if "call" in order:
            self._urgent.submit(self._answer, method, function, order)
            return
        with self._lock:
            self._waiting[_place_of(order)] += 1  # the report names it (22)
        self._pool_of(method).submit(self._execute, method, function, order)

    def _pool_of(self, method: Method[Any]) -> Pool:
        if method.urgent:
            return self._urgent
        return self._patient if method.patient else self._ordinary

    def _method_on(self, topic: str, name: str) -> tuple[Method[Any], Function]:
        """Return a method and what does it; raise BadSignature where the order is for another topic."""
        method, function = self._methods[name]
        if topic != self._topics[method.domain]:
            raise BadSignature(detail=f"{name} on {topic!r}")
        return method, function

    def notice(self, message: Message) -> None:
        """Take what the control plane answers to a report."""
        try:
            notice = Notice.load(self._verifier.verify(message)["notice"])
        except (BadSignature, IncompatibleObject, KeyError, TypeError, ValueError) as error:
            log.warning("notice refused", error=repr(error), detail=getattr(error, "detail", ""))
            return
        skew = abs(time.time() - notice.now)
        if skew > 5:
            log.warning("this host's clock is off", seconds=round(skew, 1))
        self._welcome.set()
        if notice.boot_id == self.boot_id:
            self._taken(notice.heard)
        if notice.send_inventory:
            self._full = True
            self._wake.set()

    def _taken(self, heard: int) -> None:
        """Let the agents forget what a report told; what older ones told was in it too."""
        with self._lock:
            parts = self._told.get(heard, {})
            self._told = {seq: told for seq, told in self._told.items() if seq > heard}
        for domain, part in parts.items():
            self.agents[domain].reported(part)

    def _execute(self, method: Method[Any], function: Function, order: Message) -> None:
        place = _place_of(order)
        structlog.contextvars.bind_contextvars(
            request_id=order.get("request_id", ""), operation=order["op"], host=self.host
        )
        try:
            record, reply = self._admit(order)
            if record is not None:
                reply = self._work(method, function, order, record)
            if reply is not None:
                self._reply(reply)
        except Exception:
            log.exception("order failed outside its method", method=method.name)
        finally:
            with self._lock:
                self._waiting[place] -= 1
                self._waiting += Counter()  # drops what came to nothing
            structlog.contextvars.unbind_contextvars("request_id", "operation", "host")

    def _admit(self, order: Message) -> tuple[Record | None, StepReport | None]:
        """Judge an order by the scope's record; return the new record if its method shall run, or the reply."""
        scope, place = order["scope"], _place_of(order)
        with self.book.mutex():
            known = self.book.get(scope)
            if known is not None and order["epoch"] < known.epoch:
                return None, _reply_to(order, "STALE", epoch=known.epoch)
            if known is not None and known.place == place:
                newer = {"attempt": order["attempt"], "epoch": order["epoch"]}
                if known.state == "DONE":
                    self.book.write(replace(known, **newer))
                    return None, _reply_to(order, "DONE", result=known.result)
                if known.state == "EXECUTING" and known.boot_id == self.boot_id:
                    self.book.write(replace(known, **newer))
                    return None, None
            begun = self.book.begin(
                Record(
                    scope=scope,
                    epoch=order["epoch"],
                    op=order["op"],
                    seq=order["seq"],
                    direction=order["direction"],
                    attempt=order["attempt"],
                    boot_id=self.boot_id,
                    state="EXECUTING",
                )
            )
            return begun, None

    def _work(
        self, method: Method[Any], function: Function, order: Message, record: Record
    ) -> StepReport:
        """Run the method under the scope's lock and record the outcome; return the reply."""
        work = OrderWork(self, record)
        with self._lock:
            self._works[record.place] = work
        try:
            with self.book.scope_lock(record.scope):
                return self._effect(method, function, order, record, work)
        finally:
            with self._lock:
                if self._works.get(record.place) is work:
                    del self._works[record.place]

    def _effect(
        self,
        method: Method[Any],
        function: Function,
        order: Message,
        record: Record,
        work: OrderWork,
    ) -> StepReport:
        if not work.current():
            return self._stale(order, record)
        result: Message = {}
        error: dict[str, str] = {}
        try:
            payload = method.payload.load(order["payload"])
            reach("effect.before", record.place)
            answer = function(payload, work)
            reach("effect.after", record.place)
            result = {} if answer is None else answer.dump()
            outcome: Outcome = "DONE"
        except Interrupted:
            return self._stale(order, record)
        except TransientDriverError as problem:
            outcome, error = "TRANSIENT", _error(problem)
        except CloudwebError as problem:
            outcome, error = "FINAL", _error(problem)
        except Exception as problem:
            log.exception("agent method raised", method=method.name)
            outcome = "TRANSIENT"
            error = {
                "code": "internal_error",
                "public": CloudwebError.default_message,
                "detail": repr(problem)[:2000],
            }
        if error:
            log.warning("order failed", method=method.name, outcome=outcome, **error)
        ended = self.book.finish(record, outcome, result=result, error=error)
        if ended is None:
            return self._stale(order, record)
        order = {**order, "attempt": ended.attempt}
        return _reply_to(order, outcome, result=result, error=error)

    def _stale(self, order: Message, record: Record) -> StepReport:
        newest = self.book.get(record.scope)
        return _reply_to(order, "STALE", epoch=newest.epoch if newest else record.epoch)

    def _reply(self, step: StepReport) -> None:
        place = step.op, step.seq, step.direction
        reach("reply.before", place)
        self._say("reply", Reply(step=step))
        reach("reply.after", place)

    def _answer(self, method: Method[Any], function: Function, order: Message) -> None:
        """Answer a question."""
        call = str(order["call"])
        try:
            answer = function(method.payload.load(order["payload"]))
            said = CallAnswer(call=call, outcome="DONE", result=answer.dump() if answer else {})
        except CloudwebError as problem:
            said = CallAnswer(call=call, outcome="FINAL", error=_error(problem))
        except Exception as problem:
            log.exception("question raised", method=method.name)
            error = {"public": "", "detail": repr(problem)[:2000]}
            said = CallAnswer(call=call, outcome="FINAL", error=error)
        self._say("answer", said)

    # -- reports (OPERATIONS 21)

    def report_soon(self) -> None:
        """Report at once: something happened that users wait for."""
        self._wake.set()

    def wait_for_welcome(self, timeout: float) -> bool:
        """Wait until the control plane has answered a report of this start."""
        return self._welcome.wait(timeout)

    def _report_loop(self) -> None:
        first = True
        while not self._stopping.is_set():
            try:
                self.report(init=first)
                first = first and not self._welcome.is_set()
            except Exception:
                log.exception("report failed")
            self._wake.wait(intervals().report)
            self._wake.clear()

    def report(self, *, init: bool = False) -> Report:
        """Send one report and return it."""
        full, self._full = self._full or init, False
        parts = dict(self._parts(full=full))
        kept = {name: part for name, part in parts.items() if self.agents[name].keeps(part)}
        report = Report(
            init=init,
            services=tuple(_service(domain, agent) for domain, agent in self.agents.items()),
            epoch=self.book.top_epoch(),
            steps=tuple(self._steps()),
            parts={domain: part.dump() for domain, part in parts.items()},
            wants_answer=bool(kept),
        )
        if not self._say("report", report, kept) and full:
            self._full = True
        return report

    def _parts(self, *, full: bool) -> Iterator[tuple[str, VersionedObject]]:
        """Give what each domain says; one that cannot say anything does not silence the host."""
        for domain, agent in self.agents.items():
            try:
                part = agent.report(full=full)
            except Exception:
                log.exception("a domain could not report", domain=domain)
                continue
            if part is not None:
                yield domain, part

    def _steps(self) -> Iterator[StepReport]:
        """List what is queued, runs, or ended in the last five minutes."""
        with self._lock:
            works, waiting = dict(self._works), list(self._waiting)
        seen = set()
        for record in self.book.records():
            running = record.state == "EXECUTING" and record.boot_id == self.boot_id
            if not running and (record.state == "EXECUTING" or time.time() - record.at > RECENT):
                continue
            seen.add(record.place)
            work = works.get(record.place) if running else None
            try:
                yield _step_of(record, running=running, work=work)
            except ValidationError:  # one that cannot be told does not silence the host
                log.exception("an order cannot be reported", scope=record.scope)
        for op, seq, direction in waiting:
            if (op, seq, direction) not in seen:
                yield StepReport(op=op, seq=seq, direction=direction, outcome="EXECUTING")

    def _say(
        self, kind: str, said: VersionedObject, kept: Mapping[str, VersionedObject] | None = None
    ) -> bool:
        body = said.dump()
        with self._lock:
            self._seq += 1
            if kept:
                self._told[self._seq] = dict(kept)
                self._told = dict(list(self._told.items())[-UNHEARD:])
            envelope = Envelope(self.host, self.boot_id, self._seq, time.time(), kind, body)
        message = json.loads(json.dumps(envelope.to_dict()))
        return self._send({**message, "mac": mac(self._key, message)})


def _service(domain: str, agent: Agent) -> ServiceReport:
    speaks = {method.name: method.payload.VERSION for method in agent.methods()}
    return ServiceReport(domain=domain, version=RELEASE, speaks=speaks)


def _step_of(record: Record, *, running: bool, work: OrderWork | None) -> StepReport:
    return StepReport(
        op=record.op,
        seq=record.seq,
        direction=record.direction,
        attempt=record.attempt,
        outcome="EXECUTING" if running else cast(Outcome, record.outcome),
        progress=work.percent if work else 0,
        text=work.text if work else "",
        result={} if running else record.result,
        error={} if running else record.error,
    )


def _place_of(order: Message) -> Place:
    return order["op"], order["seq"], order["direction"]


def _reply_to(order: Message, outcome: Outcome, **more: Any) -> StepReport:
    place = {name: order[name] for name in ("op", "seq", "direction", "attempt")}
    return StepReport(**place, outcome=outcome, **more)


def _error(problem: CloudwebError) -> dict[str, str]:
    return {"code": problem.code, "public": problem.message, "detail": problem.detail}
