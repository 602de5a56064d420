"""Quotas: counted from the rows themselves, under the lock of the project's quota row.

There is no second number that could drift: whoever creates reserves first, inside the same
transaction, and the rows it then writes are what the next one counts. Apps declare their resources
and defaults; who may read or change limits is the policy of the app that offers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from cloudweb.database.locks import locked
from cloudweb.database.prepared import Given, Prepared
from cloudweb.exceptions import InvalidInput, QuotaExceeded
from identity.models import ProjectQuota

UNLIMITED = -1
HIGHEST = 2**31 - 1
#: In the place of a project: what an operator made the defaults of all (no project's id has a colon).
EVERY_PROJECT = "class:default"

_defaults: dict[str, dict[str, int]] = {}
_prefixes: dict[str, tuple[str, ...]] = {}


def _with_defaults(rows: QuerySet[ProjectQuota]) -> QuerySet[Any]:
    """Read along what an operator made the defaults."""
    of_all = ProjectQuota.objects.filter(project_id=EVERY_PROJECT, service=OuterRef("service"))
    return rows.annotate(of_all=Subquery(of_all.values("limits")))


_LOCKED: Prepared[Any] = Prepared(
    lambda: locked(
        _with_defaults(
            ProjectQuota.objects.filter(project_id=Given("project"), service=Given("service"))
        )
    )
)


def declare(service: str, resources: Mapping[str, int], *, prefixes: Sequence[str] = ()) -> None:
    """Register what a service limits, with the default of each (-1: unlimited).

    What begins with one of the ``prefixes`` can be limited too, and is not by default.
    """
    _defaults[service] = dict(resources)
    _prefixes[service] = tuple(prefixes)


def services() -> list[str]:
    """Return the services that declared something to limit."""
    return sorted(_defaults)


def defaults(service: str) -> dict[str, int]:
    """Return a service's default limits, as the operator changed them."""
    return limits(EVERY_PROJECT, service)


def limits(project_id: str, service: str) -> dict[str, int]:
    """Return the limits that hold for a project: its own over the defaults."""
    names = (project_id, EVERY_PROJECT)
    rows = ProjectQuota.objects.filter(project_id__in=names, service=service)
    found = {row.project_id: row.limits for row in rows}
    return _over_defaults(service, found.get(EVERY_PROJECT), found.get(project_id))


def reserve(
    project_id: str,
    service: str,
    *,
    wanted: Mapping[str, int],
    used: Callable[[], Mapping[str, int]],
) -> None:
    """Raise QuotaExceeded unless what is wanted fits; call it inside ``atomic()``, before creating.

    ``used`` counts the project's rows now; it is called under the lock, and only when a limit is
    set. The lock holds until the commit, so two creators never count the same room twice.
    """
    row = _locked_row(project_id, service)
    asked = {name: count for name, count in wanted.items() if count > 0}
    allowed = dict.fromkeys(filter(partial(_has_prefix, service), asked), UNLIMITED)
    allowed |= _over_defaults(service, row.of_all, row.limits)
    if all(allowed[name] == UNLIMITED for name in asked):
        return
    counted = used()
    over = [
        name
        for name, count in asked.items()
        if allowed[name] != UNLIMITED and counted.get(name, 0) + count > allowed[name]
    ]
    if over:
        raise exceeded({name: (asked[name], counted.get(name, 0), allowed[name]) for name in over})


def locked_limits(project_id: str, service: str) -> dict[str, int]:
    """Return a project's limits under the lock of ``reserve``, for who counts in finer units."""
    row = _locked_row(project_id, service)
    return _over_defaults(service, row.of_all, row.limits)


def exceeded(over: Mapping[str, tuple[int, int, int]]) -> QuotaExceeded:
    """Return the error of resources that are over: what was asked, used and allowed of each."""
    names = ", ".join(over)
    asked, used, allowed = (
        ", ".join(str(counts[place]) for counts in over.values()) for place in range(3)
    )
    return QuotaExceeded(
        f"Quota exceeded for {names}: Requested {asked}, "
        f"but already used {used} of {allowed} {names}"
    )


def update(
    project_id: str, service: str, changes: Mapping[str, int], *, keep_others: bool = True
) -> dict[str, int]:
    """Set some limits of a project; return all of them. Raises InvalidInput.

    Unless ``keep_others``, what is not named goes back to its default.
    """
    for name, limit in changes.items():
        if name not in _defaults[service] and not _has_prefix(service, name):
            raise InvalidInput(field=name, value=limit, reason="There is no such quota.")
        if not UNLIMITED <= limit <= HIGHEST:
            raise InvalidInput(
                field=name, value=limit, reason=f"It must be between -1 and {HIGHEST}."
            )
    with transaction.atomic():
        row = _locked_row(project_id, service)
        row.limits = {**(row.limits if keep_others else {}), **changes}
        row.save(update_fields=["limits"])
    return _over_defaults(service, row.of_all, row.limits)


def changed(service: str) -> dict[str, dict[str, int]]:
    """Return the limits of every project that has some of its own in a service."""
    rows = ProjectQuota.objects.filter(service=service).exclude(limits={}).order_by("project_id")
    found = {row.project_id: row.limits for row in rows}
    of_all = found.pop(EVERY_PROJECT, None)
    return {project: _over_defaults(service, of_all, own) for project, own in found.items()}


def rename(service: str, names: Mapping[str, str | None]) -> None:
    """Keep limits under other names, or (None) no longer; call it inside ``atomic()``.

    Those of a prefix name something that got another name, or is gone.
    """
    for row in locked(ProjectQuota.objects.filter(service=service).exclude(limits={})):
        kept = {names.get(name, name): limit for name, limit in row.limits.items()}
        kept.pop(None, None)
        if kept != row.limits:
            row.limits = kept
            row.save(update_fields=["limits"])


def reset(project_id: str, service: str | None = None) -> None:
    """Put a project back to the defaults, in one service or in all."""
    rows = ProjectQuota.objects.filter(project_id=project_id)
    if service is not None:
        rows = rows.filter(service=service)
    rows.update(limits={})


def forget(project_id: str) -> None:
    """Remove what is kept about a project that is gone."""
    ProjectQuota.objects.filter(project_id=project_id).delete()


def _has_prefix(service: str, name: str) -> bool:
    return name.startswith(_prefixes[service])


def _over_defaults(service: str, *said: Mapping[str, int] | None) -> dict[str, int]:
    """Return what holds: what was said last, of what is known, over the defaults."""
    found = dict(_defaults[service])
    for some in said:
        for name, limit in (some or {}).items():
            if name in found or _has_prefix(service, name):
                found[name] = limit
    return found


def _locked_row(project_id: str, service: str) -> Any:
    row = _LOCKED.row(project=project_id, service=service)
    if row is None:
        ProjectQuota.objects.bulk_create(
            [ProjectQuota(project_id=project_id, service=service)], ignore_conflicts=True
        )
        mine = ProjectQuota.objects.filter(project_id=project_id, service=service)
        row = locked(_with_defaults(mine)).get()
    return row
