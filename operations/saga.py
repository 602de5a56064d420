"""Sagas: long work as recorded steps, each with its undo.

A step is a function of a ``Run``. What it returns decides what it is:

* nothing or a dictionary: a local step. It ran in one transaction with its own record (exactly once).
  SQL only, under ten seconds: no RPC, file, HTTP, password hash or sleep.
* a Job: long work of the control plane itself (data that is moved). Its ``work`` runs in a thread,
  outside any transaction, while the operation's lease is renewed; it is idempotent (at least once),
  looks at ``running.check()`` before every effect, and names what it makes by ``running.epoch`` where
  two attempts must not meet. ``done`` of the step gets its result, in one transaction with its record.
* a Child: another operation, on a resource of its own (say one that this step made). It starts in
  one transaction with this step's record, and its end wakes this one: its outcome is the step's result
  (``operation``, ``resource_type``, ``resource_id``, and ``results`` of its steps), its failure the step's
  failure. ``done`` gets the outcome. The undo gets what was started however it ended (None: nothing); it
  starts the delete of the resource as a Child, which pre-empts one that still runs. Before an undo of
  another form, or without one, such a child is turned back first.
* an Order or a list of orders: a host step. They are cast after the commit, and the saga waits for
  all replies (at least once; the agent's method is idempotent). The payload is built from the rows
  each time, so the same function is called again for every further attempt: its writes must be
  idempotent too. ``done`` of the step is called once with the answers, in one transaction.

``undo`` has the same form and gets the result of the do, or None: "started, unknown".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.rpc import Order
from operations.holding import Resource
from operations.jobs import Running
from operations.models import Operation
from operations.starting import start, start_new


@dataclass(frozen=True, slots=True)
class Job:
    """Long work of the control plane; ``deadline`` bounds all its attempts together."""

    work: Callable[[Running], Mapping[str, Any] | None]
    deadline: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Child:
    """Another operation, which the step waits for; its holds are its own, none of its parent's."""

    saga: type[Saga]
    resource_id: str
    args: Mapping[str, Any] = field(default_factory=dict)


#: What a step gives that had nothing to do: no timeline shows it.
NEEDLESS: Mapping[str, Any] = {"needless": True}
StepResult = Mapping[str, Any] | Order | Sequence[Order] | Job | Child | None
StepFunction = Callable[["Run"], StepResult]


class StepFailed(CloudwebError):
    """A step cannot work, and trying again will not help. The message is for the tenant."""

    code = "step_failed"


class CameToNothing(StepFailed):
    """What was decided did not come about, and all is as it was: it is taken back from behind a pivot, too."""

    code = "came_to_nothing"
    default_message = "It did not come about."


class TookTooLong(StepFailed):
    """A job did not end before its deadline."""

    code = "timeout"
    default_message = "It took too long and was given up."


class TransientHost(CloudwebError):
    """The host of a step is down or did not answer in time."""

    code = "transient_host"
    default_message = "The host did not answer."


class HostDown(TransientHost):
    """The host of a step is down: no fault of what it was asked, and it may come back."""

    code = "host_down"
    default_message = "The host is down."


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a saga.

    ``undone`` is to the answers of an undo what ``done`` is to those of the do.
    ``deadline`` in seconds (a host step; the method's own if None). ``max_failures`` transient
    failures are tried again before the step fails for good. ``owes``: on a host that is down the
    order becomes a debt and the saga goes on; undos always do. ``pivot``: once done, only forward,
    unless a step raises CameToNothing.
    """

    name: str
    do: StepFunction
    undo: StepFunction | None = None
    done: Callable[[Run, list[Any]], None] | None = None
    undone: Callable[[Run, list[Any]], None] | None = None
    deadline: float | None = None
    max_failures: int = 3
    owes: bool = False
    pivot: bool = False


@dataclass(slots=True)
class Run:
    """What a step function sees: its operation, the results so far, and on undo the do's result.

    ``memory`` lasts until the transaction ends, for rows that several steps read. ``failed_before``
    is why the same was given up on another host.
    """

    operation: Operation
    context: RequestContext
    results: Mapping[str, Any]
    result: Any = None
    attempt: int = 1
    memory: dict[str, Any] = field(default_factory=dict)
    failed_before: Failure | None = None

    @property
    def args(self) -> dict[str, Any]:
        """The arguments of START: ids and public facts, no secret."""
        args: dict[str, Any] = self.operation.args
        return args

    @property
    def resource_id(self) -> str:
        """The id of the resource the operation is about."""
        return self.operation.resource_id

    @property
    def excluded_hosts(self) -> list[str]:
        """Hosts that failed this build already."""
        excluded: list[str] = self.operation.excluded_hosts
        return excluded


def rehearsal(context: RequestContext, *, resource_id: str, args: Mapping[str, Any]) -> Run:
    """Return a run of no operation, for those who ask what steps that write nothing would order."""
    operation = Operation(resource_id=resource_id, args=dict(args))
    return Run(operation=operation, context=context, results={})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation is being undone: a code, a sentence for the tenant, detail for operators.

    ``host`` names the host whose fault it was; a build may then be tried on another.
    """

    code: str
    public: str
    detail: str = ""
    host: str = ""


class Saga:
    """Base of every saga; a subclass declares, the engine works.

    ``resource_type`` names what is held. ``retry_from`` names the claim step a build falls back to
    when its host failed it. ``coalesce``: a start joins an operation that has not looked at
    the rows yet, or waits behind one that has. The hooks run inside the transaction of END (OPERATIONS 32).
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    resource_type: ClassVar[str]
    steps: ClassVar[Sequence[Step]]
    deadline: ClassVar[timedelta] = timedelta(hours=1)
    retry_from: ClassVar[str | None] = None
    max_hosts: ClassVar[int] = 3
    coalesce: ClassVar[bool] = False
    #: Steps that no plan of this release has, but plans stored by the release before may (OPERATIONS, "Versions").
    retired: ClassVar[Sequence[Step]] = ()

    REGISTRY: ClassVar[dict[str, type[Saga]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            Saga.REGISTRY[cls.kind] = cls

    @classmethod
    def start(
        cls,
        context: RequestContext,
        *,
        resource_id: str,
        args: Mapping[str, Any] | None = None,
        preempt: bool = False,
        delay: timedelta = timedelta(0),
    ) -> Operation:
        """Record the operation in the caller's transaction; the doorbell rings after the commit.

        With a ``delay`` nobody looks at it before then. Raises Conflict when another operation
        holds the resource and neither ``preempt`` nor ``coalesce`` says what then.
        """
        return start(
            cls,
            context,
            resource_id=resource_id,
            args=dict(args or {}),
            preempt=preempt,
            delay=delay,
        )

    @classmethod
    def start_new(cls, context: RequestContext, *, resource_ids: Sequence[str]) -> None:
        """Record an operation on each of several that the caller's transaction made: nobody can hold them yet.

        For a thousand that is some dozens of statements, so a caller with a busy database waits as for one.
        """
        start_new(cls, context, resource_ids=resource_ids)

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """Return what else the operation gives orders about (OPERATIONS 43); its resource it holds anyway.

        Asked once, in START; what is taken is a 409 for the caller.
        """
        return ()

    @classmethod
    def as_planned(cls, names: tuple[str, ...]) -> type[Saga]:
        """Return the saga with the steps of a stored plan, found by their names.

        Raises KeyError for a step that this release does not know: a newer one planned it.
        """
        return cls if names == tuple(step.name for step in cls.steps) else _as_planned(cls, names)

    @classmethod
    def index_of(cls, name: str) -> int:
        """Return the place of a step."""
        return next(index for index, step in enumerate(cls.steps) if step.name == name)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Write the resource's final state: vm_state and task_state together."""

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Write the state of a failed (or, with None, pre-empted) operation's resource."""

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """Show that an undo failed for good and an operator is needed."""


_planned: dict[tuple[type[Saga], tuple[str, ...]], type[Saga]] = {}


def _as_planned(saga: type[Saga], names: tuple[str, ...]) -> type[Saga]:
    if (saga, names) in _planned:
        return _planned[saga, names]
    known = {step.name: step for step in (*saga.retired, *saga.steps)}
    retry_from = saga.retry_from if saga.retry_from in names else None
    facts = {"steps": tuple(known[name] for name in names), "retry_from": retry_from}
    _planned[saga, names] = made = type(saga.__name__, (saga,), facts)
    return made


def saga_of(operation: Operation) -> type[Saga]:
    """Return the saga's class; raise KeyError for a kind this release does not know."""
    return Saga.REGISTRY[operation.kind]
