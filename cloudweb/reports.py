"""What a host says to the control plane, and what it is answered: versioned like every payload.

The top of a report is what all domains share. Each domain's own (load, inventory, problems, events) is
a versioned object of that domain under ``parts``, which nobody but its handler reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from cloudweb.objects import Part, VersionedObject, WireForm

Outcome = Literal["EXECUTING", "DONE", "TRANSIENT", "FINAL", "STALE"]


class ServiceReport(Part):
    """An agent that runs on the host: its release, and the version of each method's payload it speaks."""

    domain: str
    version: str
    speaks: dict[str, str] = {}


class StepReport(Part):
    """How an order stands (OPERATIONS 15 to 22). ``direction`` is do, undo or debt.

    ``queued``: it is EXECUTING in name only, no thread had its turn for it yet (OPERATIONS 45); to a
    control plane that does not know the word it looks like what runs. Hosts before 1.1 say no
    ``attempt`` instead. ``epoch`` is the host's own, with STALE.
    """

    op: str
    seq: int
    direction: str
    attempt: int | None = None
    outcome: Outcome
    progress: int = 0  # percent
    text: str = ""
    result: WireForm = {}
    error: dict[str, str] = {}  # code, public, detail
    epoch: int = 0
    queued: bool = False


def _without_queued(step: dict[str, Any]) -> dict[str, Any]:
    return {name: fact for name, fact in step.items() if name != "queued"}


class PeriodicState(Part):
    """How a periodic task of the host stands; seconds, and times (Unix) by the host's clock.

    ``every`` and ``paused`` are the operator's settings it follows, ``answered`` the newest run he asked
    for that was begun; ``error`` is the last one there was.
    """

    name: str  # "<domain>.<method>"
    does: str
    default_every: int
    every: int | None = None
    paused: bool = False
    answered: int = 0
    running: bool = False
    started_at: float | None = None
    ended_at: float | None = None
    seconds: float | None = None
    runs: int = 0
    error: str = ""
    error_at: float | None = None
    next_in: float = 0.0


class PeriodicSetting(Part):
    """What an operator set of a periodic task; ``asked`` counts the runs he asked for."""

    name: str
    every: int | None = None
    paused: bool = False
    asked: int = 0


class Report(VersionedObject):
    """What a host says every 10 seconds, and at once when something happened.

    ``epoch`` is the highest it has seen; ``steps`` are the orders that wait, run, or ended in the last
    five minutes; ``parts`` are, by domain, the wire form of what the domain's agent reports. It wants an
    answer while it holds facts that it keeps until they were taken. ``periodic`` is how its periodic
    tasks stand, where that is news or was last told a minute ago. ``taken`` is, by domain, the ``now`` of
    the last notice in its queue before which it has taken everything (0: of none).
    """

    VERSION: ClassVar[str] = "1.3"
    DOWNGRADES: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {
        3: lambda data: {name: fact for name, fact in data.items() if name != "taken"},
        2: lambda data: {name: fact for name, fact in data.items() if name != "periodic"},
        1: lambda data: {**data, "steps": [_without_queued(step) for step in data["steps"]]},
    }

    init: bool = False
    services: tuple[ServiceReport, ...] = ()
    epoch: int = 0
    steps: tuple[StepReport, ...] = ()
    parts: dict[str, WireForm] = {}
    wants_answer: bool = False
    periodic: tuple[PeriodicState, ...] | None = None
    taken: dict[str, float] | None = None


class Reply(VersionedObject):
    """How one order ended."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {
        1: lambda data: {**data, "step": _without_queued(data["step"])},
    }

    step: StepReport


class CallAnswer(VersionedObject):
    """The answer to a question: ``result`` is the wire form of the method's answer."""

    VERSION: ClassVar[str] = "1.0"

    call: str
    outcome: Literal["DONE", "FINAL"]
    result: WireForm = {}
    error: dict[str, str] = {}  # code, public, detail


class HeardMethod(Part):
    """A method of hosts' objects (``cloudweb/remotes.py``) that the control plane does, in which versions."""

    method: str
    object: str
    argument: str | None = None


class Notice(VersionedObject):
    """What the control plane answers to a report: what it told is committed.

    ``boot_id`` and ``heard`` name the report (the number of its envelope); ``send_inventory`` asks for
    all there is; ``now`` is the control plane's time (Unix), by which a host knows that its clock is off.
    ``periodic`` are settings of its periodic tasks that it does not follow yet. ``asks``: what lies in
    this queue before it may be lost; the host reports as soon as it has read this. ``hears`` is there
    where a report is answered: what the host may have done.
    """

    VERSION: ClassVar[str] = "1.3"
    DOWNGRADES: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {
        3: lambda data: {name: fact for name, fact in data.items() if name != "hears"},
        2: lambda data: {name: fact for name, fact in data.items() if name != "asks"},
        1: lambda data: {name: fact for name, fact in data.items() if name != "periodic"},
    }

    boot_id: str = ""
    heard: int = 0
    send_inventory: bool = False
    now: float
    periodic: tuple[PeriodicSetting, ...] = ()
    asks: bool = False
    hears: tuple[HeardMethod, ...] | None = None
