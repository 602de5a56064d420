"""Whether an order that its host never named was lost, or lies in the host's queue (OPERATIONS 22, 45)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.reports import Notice
from cloudweb.rpc import send_to_host
from operations.orders import signed_notice

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def taken_at(said: Mapping[str, float] | None, domain: str) -> datetime | None:
    """Return up to when a host has taken what is in a domain's queue; None if it cannot say."""
    if said is None:
        return None
    moment, at = now(), said.get(domain, 0.0)
    if not 0 <= at <= moment.timestamp():  # nothing that we said
        return LONG_AGO
    return datetime.fromtimestamp(at, UTC)


def would_be_named(cast_at: datetime, *, seen_at: datetime, taken_at: datetime | None) -> bool:
    """Tell whether a report sent at ``seen_at`` would name an order of that time, had it not been lost.

    It is no sign before the host has read what was put on its queue a while after the order.
    """
    known_at = cast_at + timedelta(seconds=intervals().lost_order)
    return seen_at > known_at and (taken_at is None or taken_at >= known_at)


def ask(host: str, domain: str) -> None:
    """Put a notice behind the orders that may be lost: the report of it tells (22)."""
    notice = Notice(now=now().timestamp(), asks=True)
    signed = signed_notice(notice, host=host, domain=domain)
    send_to_host(host, domain, f"{domain}.notice", signed)
