"""Who may do what: one named rule for each manager method, checked before the method looks at anything.

A rule sees the context alone. Whether one resource is visible is the queryset's part
(``visible_to(context)``): what a caller may not see does not exist for it (404, never 403).

A policy that only lets its caller look is a read: by the last word of its name (``READING``), or
because its app says so when it declares it. Every other call leaves an audit record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from cloudweb import audit
from cloudweb.context import RequestContext
from cloudweb.exceptions import PolicyNotAuthorized

Rule = Callable[[RequestContext], bool]
P = ParamSpec("P")
R = TypeVar("R")


class HasContext(Protocol):
    """Anything that carries the caller's context: every manager."""

    context: RequestContext


M = TypeVar("M", bound=HasContext)

#: Every declared policy by its name, ``<service type>:<resource>:<action>``.
RULES: dict[str, Rule] = {}
#: Last words of policies that only look.
READING = frozenset({"list", "get", "show", "check", "detail", "validate"})
#: Every declared policy that only looks.
READS: set[str] = set()
_passed: ContextVar[list[tuple[RequestContext, str]] | None] = ContextVar("passed", default=None)


def the_cloud_itself(context: RequestContext) -> bool:
    """Allow the engine alone: what hosts report is no user's to say."""
    return context.is_system


def admin(context: RequestContext) -> bool:
    """Allow role admin on any project, as OpenStack's default policies do."""
    return context.is_admin


def system_reader(context: RequestContext) -> bool:
    """Allow admins, and reader and above on the system."""
    return context.reads_all


def domain_reader(context: RequestContext) -> bool:
    """Allow reader and above on a domain (the manager narrows to it), readers of the system, admins."""
    return context.reads_all or (context.domain_id is not None and "reader" in context.roles)


def domain_manager(context: RequestContext) -> bool:
    """Allow manager and above on a domain (the manager narrows to it), and admins."""
    return context.is_admin or (context.domain_id is not None and "manager" in context.roles)


def domain_admin(context: RequestContext) -> bool:
    """Allow admin on a domain (the manager narrows to it), and admins."""
    return context.is_admin or (context.domain_id is not None and "admin" in context.roles)


def authenticated(context: RequestContext) -> bool:
    """Allow every valid token, scoped or not."""
    return context.is_system or context.user_id is not None


def in_person(context: RequestContext) -> bool:
    """Allow tokens that users got for themselves: no program of theirs, nobody they trust."""
    return authenticated(context) and not context.is_delegated


def own_reader(context: RequestContext) -> bool:
    """Allow users to see what is theirs in every project; what acts for them, with role reader."""
    return in_person(context) or (authenticated(context) and "reader" in context.roles)


def own_member(context: RequestContext) -> bool:
    """Allow users to change what is theirs in every project; what acts for them, with role member."""
    return in_person(context) or (authenticated(context) and "member" in context.roles)


def project_reader(context: RequestContext) -> bool:
    """Allow reader and above in the token's project, and admins."""
    return context.is_admin or (context.project_id is not None and "reader" in context.roles)


def project_member(context: RequestContext) -> bool:
    """Allow member and above in the token's project, and admins."""
    return context.is_admin or (context.project_id is not None and "member" in context.roles)


def project_manager(context: RequestContext) -> bool:
    """Allow manager and above in the token's project, and admins."""
    return context.is_admin or (context.project_id is not None and "manager" in context.roles)


def service(context: RequestContext) -> bool:
    """Allow role service, which other services of a cloud have, and admins."""
    return context.is_admin or "service" in context.roles


def declare(rules: dict[str, Rule], *, reads: Collection[str] = ()) -> None:
    """Register an app's policies; a name is declared once.

    ``reads`` are those that only look although their last word is none of READING.
    """
    if unknown := set(reads) - rules.keys():
        raise ValueError(f"reads that are not declared here: {sorted(unknown)}")
    READS.update(reads, (name for name in rules if name.rpartition(":")[2] in READING))
    for name, rule in rules.items():
        if name in RULES and RULES[name] is not rule:
            raise ValueError(f"policy {name} is declared twice")
        RULES[name] = rule


def allows(context: RequestContext, name: str) -> bool:
    """Tell whether the policy lets this caller pass."""
    return context.is_system or RULES[name](context)


def check(context: RequestContext, name: str) -> None:
    """Raise PolicyNotAuthorized unless the policy lets this caller pass."""
    if not allows(context, name):
        raise PolicyNotAuthorized(name)
    passed = _passed.get()
    if passed is not None:
        passed.append((context, name))


@contextmanager
def noting_passed() -> Iterator[list[tuple[RequestContext, str]]]:
    """Give the list of who passed which policy while the block runs."""
    passed: list[tuple[RequestContext, str]] = []
    before = _passed.set(passed)
    try:
        yield passed
    finally:
        _passed.reset(before)


def policy(
    name: str,
) -> Callable[[Callable[Concatenate[M, P], R]], Callable[Concatenate[M, P], R]]:
    """Guard a manager method by the policy of this name, and record what it changes."""

    def decorate(method: Callable[Concatenate[M, P], R]) -> Callable[Concatenate[M, P], R]:
        subject = audit.subject_of(method)

        @wraps(method)
        def guarded(self: M, /, *args: P.args, **kwargs: P.kwargs) -> R:
            def call() -> R:
                check(self.context, name)
                return method(self, *args, **kwargs)

            return audit.watched(
                call,
                action=name,
                changes=name not in READS,
                context=self.context,
                subject=subject,
                args=args,
                kwargs=kwargs,
            )

        guarded.policy = name  # type: ignore[attr-defined]
        return guarded

    return decorate


def policy_of(method: Callable[..., Any]) -> str | None:
    """Return the policy that guards a manager method; None if it has none (tests refuse that)."""
    return getattr(method, "policy", None)
