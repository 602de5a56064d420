"""Periodic tasks of hosts: what a host says of its own is shown, what operators set is told to it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.periodic import LONGEST, LONGEST_NAME
from cloudweb.reports import Notice, PeriodicSetting, PeriodicState
from cloudweb.rpc import send_to_host
from operations import doorbell
from operations.models import PeriodicTask
from operations.orders import signed_notice

log = structlog.get_logger(__name__)
MOST = 100  # tasks of one host
NAME = re.compile(r"[a-z_]+\.[A-Za-z0-9_]+")
TOLD = (
    "does", "default_every", "answered", "next_at", "owner", "lease_until", "started_at", "ended_at",
    "seconds", "runs", "error", "error_at", "seen_at",
)  # fmt: skip
#: A host that says so little of a run that goes on is taken to be in it still.
HEARD_FOR = timedelta(minutes=2)


def note(host: str, domains: Collection[str], states: Sequence[PeriodicState]) -> None:
    """Write what a host says of the tasks of its domains; tell it what it does not follow yet.

    Whatever it says keeps no other's report out.
    """
    try:
        _note(host, domains, states)
    except Exception:
        log.exception("what a host says of its periodic tasks could not be written", host=host)


def _note(host: str, domains: Collection[str], states: Sequence[PeriodicState]) -> None:
    said = {
        state.name: state
        for state in states[:MOST]
        if _is_of(state.name, domains) and 0 < state.default_every <= LONGEST
    }
    moment = now()
    known = {row.name: row for row in PeriodicTask.objects.filter(host=host)}
    gone = [row.id for row in known.values() if _is_of(row.name, domains) and row.name not in said]
    with transaction.atomic():
        if gone:
            PeriodicTask.objects.filter(id__in=gone).delete()
        PeriodicTask.objects.bulk_create(
            [_row(host, state, moment) for state in said.values()],
            update_conflicts=True,
            unique_fields=["name", "host"],
            update_fields=TOLD,
        )
    if any(_differs(known[name], state) for name, state in said.items() if name in known):
        tell(host)


def _is_of(name: str, domains: Collection[str]) -> bool:
    """Tell whether a name is one of these domains': a host is believed about its own topics alone."""
    return (
        len(name) <= LONGEST_NAME
        and NAME.fullmatch(name) is not None
        and name.partition(".")[0] in domains
    )


def _row(host: str, state: PeriodicState, moment: datetime) -> PeriodicTask:
    return PeriodicTask(
        host=host,
        name=state.name,
        does=_text(state.does)[:300],
        default_every=state.default_every,
        answered=min(max(0, state.answered), 2**31 - 1),
        next_at=moment + timedelta(seconds=min(max(0.0, state.next_in), LONGEST)),
        owner="host" if state.running else "",
        lease_until=moment + HEARD_FOR if state.running else None,
        started_at=_time(state.started_at),
        ended_at=_time(state.ended_at),
        seconds=state.seconds,
        runs=min(max(0, state.runs), 2**62),
        error=_text(state.error)[:2000],
        error_at=_time(state.error_at),
        seen_at=moment,
    )


def _text(said: str) -> str:
    """Return a text as databases take it: no NUL, no half characters."""
    return said.replace("\0", "").encode(errors="replace").decode()


def _time(seconds: float | None) -> datetime | None:
    """Return a time that a host says; None for one that no calendar has."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _differs(row: PeriodicTask, state: PeriodicState) -> bool:
    followed = (state.every, state.paused)
    return followed != (row.every, row.paused) or row.asked > state.answered


def tell(host: str) -> None:
    """Tell a host all that operators set of its tasks; what is lost is told after its next report."""
    _send(host, _notices(host))


def tell_after_commit(host: str) -> None:
    """Tell a host once the current transaction has committed; no broker is waited for."""

    def committed() -> None:
        notices = _notices(host)
        doorbell.later(lambda: _send(host, notices))

    transaction.on_commit(committed, robust=True)


def _notices(host: str) -> dict[str, dict[str, Any]]:
    """Return the signed settings for each domain of a host."""
    settings: defaultdict[str, list[PeriodicSetting]] = defaultdict(list)
    for row in PeriodicTask.objects.filter(host=host):
        setting = PeriodicSetting(
            name=row.name, every=row.every, paused=row.paused, asked=row.asked
        )
        settings[row.name.partition(".")[0]].append(setting)
    moment = now().timestamp()
    return {
        domain: signed_notice(Notice(now=moment, periodic=tuple(found)), host=host, domain=domain)
        for domain, found in settings.items()
    }


def _send(host: str, notices: dict[str, dict[str, Any]]) -> None:
    for domain, signed in notices.items():
        send_to_host(host, domain, f"{domain}.notice", signed)


def forget(host: str, domain: str = "") -> None:
    """Drop what a host told of a domain, or of all."""
    PeriodicTask.objects.filter(host=host, name__startswith=f"{domain}." if domain else "").delete()
