"""Which services are up: the one judgement that engine, scheduler and API share."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError
from django.db.models import Case, DateTimeField, Max, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.prepared import Given, Prepared, PreparedUpdate
from cloudweb.rpc import deliver
from cloudweb.topics import CONTROL
from operations.models import Service
from operations.orders import signed_mark
from operations.periodic import hosts as periodic_hosts

log = structlog.get_logger(__name__)


#: The ``since`` of a prepared statement.
SINCE = Given("since", DateTimeField())


def up(since: Value | None = None) -> Q:
    """Return the condition of a service, a host's or a control worker's, that is up by the database's clock."""
    since = since or Value(silent_since())
    alive = Q(domain__in=CONTROL, last_seen_at__gt=since)
    return (alive | (~Q(domain__in=CONTROL) & _was_heard(since))) & Q(forced_down=False)


def agents_up(since: Value | None = None) -> QuerySet[Service, Any]:
    """Return the agents of hosts that are up; the domain is asked for besides."""
    return Service.objects.filter(_was_heard(since or Value(silent_since())), forced_down=False)


def silent_since() -> datetime:
    """Return since when a host has said nothing that is down now, if reports are read."""
    return now() - timedelta(seconds=intervals().host_down)


def _was_heard(since: Value) -> Q:
    """Return the condition that a host sent something within its patience before the time up to which
    reports are read (OPERATIONS 44): while nobody reads, nobody goes down.
    """
    read = Service.objects.filter(silent_before__isnull=False).order_by("-silent_before")
    silent = Coalesce(Subquery(read.values("silent_before")[:1]), since)
    return Q(last_seen_at__gt=silent)


def is_up(host: str, domain: str) -> bool:
    """Tell whether a host's agent of this domain is up."""
    return agents_up().filter(topic=f"{domain}.{host}").exists()


def heard_at(host: str, domain: str) -> datetime | None:
    """Return when a host's agent sent the newest report that was read of it."""
    rows = Service.objects.filter(topic=f"{domain}.{host}")
    found: datetime | None = rows.values_list("last_seen_at", flat=True).first()
    return found


def silent_for(host: str, domain: str) -> timedelta | None:
    """Return how long a host's agent says nothing, by the time up to which reports are read.

    None of one that was never heard.
    """
    heard = heard_at(host, domain)
    judged = _newest_silence() or silent_since()
    return None if heard is None else judged + timedelta(seconds=intervals().host_down) - heard


_PEER = Prepared(
    lambda: (
        Service.objects.filter(topic=Given("topic"))
        .annotate(judged=Case(When(up(SINCE), then=Value(True)), default=Value(False)))
        .order_by()
        .values_list("judged", "last_seen_at", "taken_at", "speaks")
    )
)
_WENT_DOWN = Prepared(
    lambda: (
        Service.objects.filter(is_up=True)
        .exclude(up(SINCE))
        .order_by()
        .values_list("id", flat=True)
    )
)
_CONTROL = Prepared(
    lambda: Service.objects.filter(topic=Given("topic"), domain__in=CONTROL).order_by()
)
_READ = PreparedUpdate(
    lambda: Service.objects.filter(id=Given("id")),
    "inbox_read_at",
    "mark_read_at",
    "silent_before",
    "grace_until",
)
_HOSTS_UP = Prepared(
    lambda: agents_up(SINCE).filter(domain=Given("domain")).values_list("host", flat=True)
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A host's agent as orders find it; ``speaks`` is by method the version of its payload.

    ``seen_at`` is when it sent the newest report that was read, ``taken_at`` up to when it had taken then
    what is in its queue (None: it cannot say).
    """

    up: bool = False
    seen_at: datetime | None = None
    taken_at: datetime | None = None
    speaks: Mapping[str, str] = field(default_factory=dict)


def peer(host: str, domain: str) -> Peer:
    """Return whether a host's agent of this domain is up, since when nothing is read of it, what it speaks."""
    row = _PEER.row(topic=f"{domain}.{host}", since=silent_since())
    return Peer(*row) if row else Peer()


def hosts_up(domain: str) -> list[str]:
    """Return the names of the hosts whose agent of this domain is up."""
    return _HOSTS_UP.rows(domain=domain, since=silent_since())


def hosts_heard(domain: str, *, within: timedelta) -> list[str]:
    """Return the hosts whose agent of this domain said something within so long, or is up.

    As with being up, it is the time up to which reports are read that counts; one that an operator
    forced down is not waited for.
    """
    judged = _newest_silence() or silent_since()
    more = max(within - timedelta(seconds=intervals().host_down), timedelta())
    rows = Service.objects.filter(domain=domain, forced_down=False, last_seen_at__gt=judged - more)
    return [*rows.values_list("host", flat=True)]


def up_hosts(domain: str) -> QuerySet[Service, Any]:
    """Return the same names as a subquery, for a condition on rows of another app."""
    return agents_up().filter(domain=domain).values("host")


def given_up_hosts(domain: str) -> QuerySet[Service, Any]:
    """Return, as a subquery, the names of the hosts that an operator forced down: nobody waits for them."""
    return Service.objects.filter(forced_down=True, domain=domain).values("host")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A service as others see it; ``number`` is its id for clients that want an integer."""

    id: uuid.UUID
    number: int
    domain: str
    host: str
    up: bool
    forced_down: bool
    last_seen_at: datetime | None
    up_since: datetime | None


def sightings(*domains: str, hosts: Collection[str] | None = None) -> list[Sighting]:
    """Return the services of these domains, on all hosts or on some, by domain and host."""
    rows = Service.objects.filter(domain__in=domains).order_by("domain", "host")
    if hosts is not None:
        rows = rows.filter(host__in=hosts)
    judged = Case(When(up(), then=Value(True)), default=Value(False))
    columns = (
        "id",
        "number",
        "domain",
        "host",
        "judged",
        "forced_down",
        "last_seen_at",
        "up_since",
    )
    return [Sighting(*row) for row in rows.annotate(judged=judged).values_list(*columns)]


def force_down(host: str, domain: str, *, forced: bool) -> None:
    """Treat a host's agent as down whatever it reports, or believe its reports again."""
    Service.objects.filter(topic=f"{domain}.{host}").update(forced_down=forced)


def forget(host: str, domain: str) -> None:
    """Drop a host's agent from the books; its next report brings it back."""
    Service.objects.filter(topic=f"{domain}.{host}").delete()
    periodic_hosts.forget(host, domain)


def ensure(topics: Iterable[tuple[str, str, str]]) -> dict[str, Service]:
    """Return the rows of these (topic, domain, host); make those that are missing."""
    wanted = list(topics)
    rows = {row.topic: row for row in Service.objects.filter(topic__in=[t for t, _, _ in wanted])}
    for topic, domain, host in wanted:
        if topic not in rows:
            rows[topic] = _add(topic, domain, host)
    return rows


def _add(topic: str, domain: str, host: str) -> Service:
    """Return the row of a topic; many may be added at once, and each needs a number of its own."""
    while True:
        number = (Service.objects.aggregate(top=Max("number"))["top"] or 0) + 1
        try:
            return Service.objects.get_or_create(
                topic=topic, defaults={"domain": domain, "host": host, "number": number}
            )[0]
        except IntegrityError:
            log.debug("another service took the number", number=number)


def announce_changes() -> None:
    """Tell about services that went down since the last look (the sweep calls this each second)."""
    for service_id in _WENT_DOWN.rows(since=silent_since()):
        Service.objects.filter(id=service_id, is_up=True).exclude(up()).update(is_up=False)


def topic_here(domain: str) -> str:
    """Return the topic of this machine's control workers of a domain."""
    return f"{domain}@{socket.gethostname().lower()}"


def put_mark(topic: str) -> bool:
    """Put a mark of a control worker between the reports: when it comes out, all before it was read."""
    return deliver(signed_mark(topic))


def note_read(topic: str, put_at: datetime) -> None:
    """Note that the reports are read up to a mark that a control worker put at this time.

    After a while in which nobody read, hosts that were up get a full interval before their silence
    counts again: what they tried to say meanwhile may be lost.
    """
    row = _CONTROL.row(topic=topic)
    if row is None or (row.inbox_read_at is not None and row.inbox_read_at >= put_at):
        return
    moment, clocks = now(), intervals()
    patience = timedelta(seconds=clocks.host_down)
    before, until = row.silent_before, row.grace_until
    stood = row.mark_read_at is None or moment - row.mark_read_at > timedelta(seconds=clocks.report)
    if stood:
        before, until = _newest_silence(), moment + patience
    if until is None or until <= moment or before is None:
        before = put_at - patience
    _READ(
        id=row.id,
        inbox_read_at=put_at,
        mark_read_at=moment,
        silent_before=before,
        grace_until=until,
    )


def _newest_silence() -> datetime | None:
    """Return since when hosts count as silent that were not heard, as it was judged last."""
    newest: datetime | None = Service.objects.aggregate(at=Max("silent_before"))["at"]
    return newest
