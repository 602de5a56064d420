"""The runtime of a host's agents: takes signed orders, works through them, reports every 10 seconds.

No database and no module-level state: one process can be many simulated hosts. An order runs in one of
six threads; two more belong to urgent ones and to questions. The report has a thread of its own.

Locks are taken in one order: a scope's, the order book's, the runtime's; nothing is sent under any of
them (OPERATIONS 50).
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from cloudweb.conf import intervals
from cloudweb.driver import Interrupted, TransientDriverError
from cloudweb.exceptions import CloudwebError
from cloudweb.killpoints import reach
from cloudweb.objects import VersionedObject
from cloudweb.orderbook import OrderBook, Record
from cloudweb.rpc import WELCOME, Envelope, Method, deliver
from cloudweb.signing import BadSignature, OrderVerifier, mac
from cloudweb.topics import host_topic
from cloudweb.version import RELEASE

log = structlog.get_logger(__name__)
ORDINARY, URGENT = 6, 2
RECENT = 300.0  # outcomes of the last five minutes ride on each report
Message = dict[str, Any]
Place = tuple[str, int, str]  # operation, step, direction: what an order is an attempt of


class Agent(Protocol):
    """What a domain brings to a host.

    It may also have ``start_guests(lock)``, called once debts are paid with the locks of scopes,
    ``listen(soon)``, ``stop()``, ``report(full=) -> {load, inventory, events}`` and
    ``reported(events)``, which drops the events that were taken.
    """

    exposes: tuple[Method[Any], ...]

    def init_host(self) -> Any:
        """Make the host be as its disk says."""


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
        self.agents: dict[str, Any] = dict(agents)
        self.boot_id = uuid.uuid4().hex
        self.book = OrderBook(directory / "orders")
        self._key = (directory / "credentials" / "host.key").read_bytes().strip()
        self._topics = {domain: host_topic(domain, host) for domain in self.agents}
        self._verifier = OrderVerifier.from_file(
            directory / "credentials" / "orders.pub", topics=self._topics.values()
        )
        self._send = send
        self._methods = {m.name: (m, agent) for agent in agents.values() for m in agent.exposes}
        self._ordinary: Pool
        self._urgent: Pool
        self._ordinary, self._urgent = pools or (
            ThreadPoolExecutor(ORDINARY, thread_name_prefix="order"),
            ThreadPoolExecutor(URGENT, thread_name_prefix="urgent"),
        )
        self._lock = threading.Lock()
        self._works: dict[Place, OrderWork] = {}
        self._waiting: Counter[Place] = Counter()
        self._seq = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._welcome = threading.Event()
        self._full = True
        self._thread: threading.Thread | None = None

    # -- life

    def start(self) -> None:
        """Make the host be as its disk says, then report from a thread of its own."""
        for name in sorted(self.agents, key=lambda domain: domain != "network"):
            problems = self.agents[name].init_host()  # networks before guests
            if problems:
                log.warning("host came back with problems", domain=name, problems=list(problems))
            if hasattr(self.agents[name], "listen"):
                self.agents[name].listen(self.report_soon)
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
            if hasattr(agent, "start_guests") and not self._stopping.is_set():
                agent.start_guests(self.book.scope_lock)

    def _owes(self) -> bool:
        with self._lock:
            return any(direction == "debt" for _, _, direction in self._waiting)

    def stop(self) -> None:
        """Stop reporting and taking orders; guests and networks stay."""
        self._stopping.set()
        self._wake.set()
        for agent in self.agents.values():
            if hasattr(agent, "stop"):
                agent.stop()
        self._ordinary.shutdown(wait=False, cancel_futures=True)
        self._urgent.shutdown(wait=False, cancel_futures=True)

    @property
    def method_names(self) -> tuple[str, ...]:
        """What the agents of this host expose: the only tasks its queues know."""
        return tuple(self._methods)

    # -- orders (OPERATIONS 14-19)

    def receive(self, message: Message) -> None:
        """Take an order or a question from the queue; what the cloud did not sign is dropped."""
        try:
            order = self._verifier.verify(message)
            method, agent = self._method_on(order["topic"], order["method"])
        except (BadSignature, KeyError, TypeError, ValueError) as error:
            log.warning("order refused", error=repr(error), detail=getattr(error, "detail", ""))
            return
        if "call" in order:
            self._urgent.submit(self._answer, method, agent, order)
            return
        with self._lock:
            self._waiting[_place_of(order)] += 1  # the report names it (22)
        pool = self._urgent if method.urgent else self._ordinary
        pool.submit(self._execute, method, agent, order)

    def _method_on(self, topic: str, name: str) -> tuple[Method[Any], Any]:
        """Return a method and its agent; raise BadSignature where the order is for another topic."""
        method, agent = self._methods[name]
        if topic != self._topics[method.domain]:
            raise BadSignature(detail=f"{name} on {topic!r}")
        return method, agent

    def notice(self, message: Message) -> None:
        """Take what the control plane answers to a report."""
        try:
            notice = self._verifier.verify(message)
        except (BadSignature, TypeError, ValueError):
            log.warning("notice refused")
            return
        if notice.get("kind") != WELCOME:
            return
        skew = abs(time.time() - float(notice.get("now", time.time())))
        if skew > 5:
            log.warning("this host's clock is off", seconds=round(skew, 1))
        self._welcome.set()
        self._full = True
        self._wake.set()

    def _execute(self, method: Method[Any], agent: Any, order: Message) -> None:
        place = _place_of(order)
        structlog.contextvars.bind_contextvars(
            request_id=order.get("request_id", ""), operation=order["op"], host=self.host
        )
        try:
            record, reply = self._admit(order)
            if record is not None:
                reply = self._work(method, agent, order, record)
            if reply is not None:
                self._reply(reply)
        except Exception:
            log.exception("order failed outside its method", method=method.name)
        finally:
            with self._lock:
                self._waiting[place] -= 1
                self._waiting += Counter()  # drops what came to nothing
            structlog.contextvars.unbind_contextvars("request_id", "operation", "host")

    def _admit(self, order: Message) -> tuple[Record | None, Message | None]:
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

    def _work(self, method: Method[Any], agent: Any, order: Message, record: Record) -> Message:
        """Run the method under the scope's lock and record the outcome; return the reply."""
        work = OrderWork(self, record)
        with self._lock:
            self._works[record.place] = work
        try:
            with self.book.scope_lock(record.scope):
                return self._effect(method, agent, order, record, work)
        finally:
            with self._lock:
                if self._works.get(record.place) is work:
                    del self._works[record.place]

    def _effect(
        self, method: Method[Any], agent: Any, order: Message, record: Record, work: OrderWork
    ) -> Message:
        if not work.current():
            return self._stale(order, record)
        result: Message = {}
        error: dict[str, str] = {}
        try:
            payload = method.payload.load(order["payload"])
            reach("effect.before")
            answer = getattr(agent, method.name.partition(".")[2])(payload, work)
            reach("effect.after")
            result = answer.dump() if isinstance(answer, VersionedObject) else {}
            outcome = "DONE"
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

    def _stale(self, order: Message, record: Record) -> Message:
        newest = self.book.get(record.scope)
        return _reply_to(order, "STALE", epoch=newest.epoch if newest else record.epoch)

    def _reply(self, body: Message) -> None:
        reach("reply.before")
        self._say("reply", body)
        reach("reply.after")

    def _answer(self, method: Method[Any], agent: Any, order: Message) -> None:
        """Answer a question."""
        body: Message = {"call": order["call"]}
        try:
            payload = method.payload.load(order["payload"])
            answer = getattr(agent, method.name.partition(".")[2])(payload)
            body |= {"outcome": "DONE", "result": answer.dump()}
        except CloudwebError as problem:
            body |= {"outcome": "FINAL", "error": _error(problem)}
        except Exception as problem:
            log.exception("question raised", method=method.name)
            body |= {"outcome": "FINAL", "error": {"public": "", "detail": repr(problem)[:2000]}}
        self._say("answer", body)

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

    def report(self, *, init: bool = False) -> Message:
        """Send one report; return its body."""
        full, self._full = self._full or init, False
        body: Message = {
            "init": init,
            "services": [self._service(domain, agent) for domain, agent in self.agents.items()],
            "epoch": self.book.top_epoch(),
            "steps": self._steps(),
            "events": [],
        }
        extras = [agent for agent in self.agents.values() if hasattr(agent, "report")]
        taken: list[tuple[Any, list[Message]]] = []
        for agent in extras:
            more = agent.report(full=full)
            facts = more.pop("events", [])
            body["events"].extend(facts)
            taken.append((agent, facts))
            body.update(more)
        if self._say("report", body):
            for agent, facts in taken:
                if facts and hasattr(agent, "reported"):
                    agent.reported(facts)
        elif full:
            self._full = True
        return body

    def _service(self, domain: str, agent: Any) -> Message:
        speaks = {method.name: method.payload.VERSION for method in agent.exposes}
        return {
            "topic": host_topic(domain, self.host),
            "domain": domain,
            "version": RELEASE,
            "speaks": speaks,
        }

    def _steps(self) -> list[Message]:
        """List what is queued, runs, or ended in the last five minutes."""
        with self._lock:
            works, waiting = dict(self._works), list(self._waiting)
        listed: list[Message] = []
        seen = set()
        for record in self.book.records():
            running = record.state == "EXECUTING" and record.boot_id == self.boot_id
            if not running and (record.state == "EXECUTING" or time.time() - record.at > RECENT):
                continue
            seen.add(record.place)
            entry = {
                "op": record.op,
                "seq": record.seq,
                "direction": record.direction,
                "attempt": record.attempt,
                "outcome": "EXECUTING" if running else record.outcome,
            }
            work = works.get(record.place)
            if running and work is not None:
                entry |= {"progress": work.percent, "text": work.text}
            if not running:
                entry |= {"result": record.result, "error": record.error}
            listed.append(entry)
        for place in waiting:
            if place not in seen:
                op, seq, direction = place
                listed.append(
                    {"op": op, "seq": seq, "direction": direction, "outcome": "EXECUTING"}
                )
        return listed

    def _say(self, kind: str, body: Message) -> bool:
        with self._lock:
            self._seq += 1
            envelope = Envelope(self.host, self.boot_id, self._seq, time.time(), kind, body)
        message = json.loads(json.dumps(envelope.to_dict()))
        return self._send({**message, "mac": mac(self._key, message)})


def _place_of(order: Message) -> Place:
    return order["op"], order["seq"], order["direction"]


def _reply_to(order: Message, outcome: str, **more: Any) -> Message:
    place = {name: order[name] for name in ("op", "seq", "direction", "attempt")}
    return {**place, "outcome": outcome, **more}


def _error(problem: CloudwebError) -> dict[str, str]:
    return {"code": problem.code, "public": problem.message, "detail": problem.detail}
