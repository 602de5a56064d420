"""Every change leaves a record: who tried what, on what, from where, and how it ended.

``cloudweb/policy.py`` hands every guarded manager method to ``watched``. Of calls inside each other
the outermost one counts; what only reads and what the cloud does by itself leaves none. Recorders
are named by a setting (``CLOUDWEB_AUDIT``), for the base library imports no app.

A record never decides over a change. It is written after the call, in a statement of its own: at
once, or when the call was part of a transaction, after that one's commit. What a rollback would have
taken along waits for the end of the request (``visit``) and is written then. A record that cannot be
written is logged as an error with all it says; the answer to the caller stands.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction

from cloudweb.context import RequestContext
from cloudweb.driver import load_class

log = structlog.get_logger(__name__)
R = TypeVar("R")
#: Names of a first parameter that says which thing is meant; so do all that end in ``_id``.
IDENTIFYING = frozenset({"id", "identifier", "name", "name_or_id"})


@dataclass(slots=True)
class Visit:
    """The HTTP request that is being answered; ``origin`` is api, dashboard or admin."""

    origin: str = ""
    request_id: str = ""
    remote_address: str = ""
    waiting: list[Act] = field(default_factory=list)


@dataclass(slots=True)
class Act:
    """One thing somebody tried. ``facts`` replace what would be taken from the context."""

    action: str
    context: RequestContext
    visit: Visit = field(default_factory=Visit)
    target_id: str = ""
    target_name: str = ""
    others: int = 0  # things of the same kind that the same call made
    error: BaseException | None = None
    undone: bool = False
    written: bool = False
    facts: dict[str, str] = field(default_factory=dict)


_NOTHING = Act("", RequestContext(request_id=""))  # a call whose inner calls leave no record either
_current: ContextVar[Act | None] = ContextVar("current_act", default=None)
_visit: ContextVar[Visit | None] = ContextVar("visit", default=None)


def watched(
    call: Callable[[], R],
    *,
    action: str,
    changes: bool,
    context: RequestContext,
    subject: str | None,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> R:
    """Do a guarded call; leave a record of the outermost one that changes something.

    ``subject`` is the parameter that names the thing (``subject_of``).
    """
    if _current.get() is not None:
        return call()
    if context.is_system or not changes:
        token = _current.set(_NOTHING)
        try:
            return call()
        finally:
            _current.reset(token)
    named = kwargs.get("name") or getattr(args[0] if args else None, "name", None)
    act = Act(action, context, _visit.get() or Visit(), target_name=_text(named))
    if subject is not None:
        act.target_id = _text(args[0] if args else kwargs.get(subject))
    token = _current.set(act)
    try:
        result = call()
    except BaseException as error:
        act.error = error
        raise
    else:
        _look_at(result, act)
        return result
    finally:
        _current.reset(token)
        keep(act)


def note(**facts: str) -> None:
    """Say what the context of the current call does not: who logged in, what the target was.

    Names are user_id, user_name, user_domain_id, project_id, domain_id, target_kind, target_id and
    target_name. Never a secret.
    """
    act = _current.get()
    if act is not None and act is not _NOTHING:
        act.facts.update(facts)


def keep(act: Act) -> None:
    """Write a record as soon as no transaction can take it back."""
    if not connection.in_atomic_block:
        _write(act)
        return
    act.visit.waiting.append(act)
    transaction.on_commit(partial(_write, act))


@contextlib.contextmanager
def visit(*, origin: str, request_id: str, remote_address: str) -> Iterator[Visit]:
    """Answer a request: what is done meanwhile came from there."""
    current = Visit(origin, request_id, remote_address)
    token = _visit.set(current)
    try:
        yield current
    finally:
        _visit.reset(token)
        for act in current.waiting:
            if not act.written:  # no commit wrote it: its transaction was rolled back
                act.undone = not connection.in_atomic_block
                _write(act)
        current.waiting.clear()


def current_visit() -> Visit:
    """Return the request that is being answered; an empty one outside any."""
    return _visit.get() or Visit()


def subject_of(method: Callable[..., Any]) -> str | None:
    """Return the name of a method's first parameter if that says which thing is meant."""
    first = list(inspect.signature(method).parameters.values())[1:2]
    if not first or first[0].kind is inspect.Parameter.KEYWORD_ONLY:
        return None
    name = first[0].name
    return name if name in IDENTIFYING or name.endswith("_id") else None


@cache
def _recorder(dotted: str) -> Callable[[Act], None]:
    recorder: Callable[[Act], None] = load_class(dotted)
    return recorder


def _write(act: Act) -> None:
    if act.written:
        return
    act.written = True
    dotted = getattr(settings, "CLOUDWEB_AUDIT", "")
    if not dotted:
        return
    try:
        _recorder(dotted)(act)
    except Exception:
        log.exception(
            "an audit record could not be written",
            action=act.action,
            user_id=act.context.user_id,
            project_id=act.context.project_id,
            target_id=act.target_id,
            outcome=type(act.error).__name__ if act.error else "success",
            origin=act.visit.origin,
            facts=act.facts,
        )


def _look_at(result: Any, act: Act) -> None:
    """Take id and name of what the call made from what it returned.

    Of a named tuple the first part is what was made, the others (a secret) go with it.
    """
    if hasattr(result, "_fields"):
        result = result[0]
    if isinstance(result, Sequence) and not isinstance(result, str | bytes) and result:
        act.others = len(result) - 1
        result = result[0]
    if not act.target_id:
        act.target_id = _text(getattr(result, "pk", None) or getattr(result, "id", None))
    act.target_name = act.target_name or _text(getattr(result, "name", None))


def _text(value: Any) -> str:
    """Return an id or a name as text; nothing for what is neither."""
    key = getattr(value, "pk", value)
    return str(key) if isinstance(key, str | int | UUID) else ""
