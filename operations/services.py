"""Which services are up: the one judgement that engine, scheduler and API share."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError
from django.db.models import Case, Max, Q, QuerySet, Value, When

from cloudweb import events
from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.topics import CONTROL
from operations.models import Service
from operations.periodic import hosts as periodic_hosts

log = structlog.get_logger(__name__)


def up() -> Q:
    """Return the condition of a service that is up by the database's clock."""
    moment = now()
    seen = Q(last_seen_at__gt=moment - timedelta(seconds=intervals().host_down))
    return (seen | Q(grace_until__gt=moment)) & Q(forced_down=False)


def is_up(host: str, domain: str) -> bool:
    """Tell whether a host's agent of this domain is up."""
    return Service.objects.filter(up(), topic=f"{domain}.{host}").exists()


@dataclass(frozen=True, slots=True)
class Peer:
    """A host's agent as orders find it; ``speaks`` is by method the version of its payload."""

    up: bool = False
    speaks: Mapping[str, str] = field(default_factory=dict)


def peer(host: str, domain: str) -> Peer:
    """Return whether a host's agent of this domain is up, and what it speaks."""
    judged = Case(When(up(), then=Value(True)), default=Value(False))
    rows = Service.objects.filter(topic=f"{domain}.{host}").annotate(judged=judged)
    row = rows.values_list("judged", "speaks").first()
    return Peer(*row) if row else Peer()


def hosts_up(domain: str) -> list[str]:
    """Return the names of the hosts whose agent of this domain is up."""
    return list(Service.objects.filter(up(), domain=domain).values_list("host", flat=True))


def up_hosts(domain: str) -> QuerySet[Service, Any]:
    """Return the same names as a subquery, for a condition on rows of another app."""
    return Service.objects.filter(up(), domain=domain).values("host")


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
    for service in list(Service.objects.filter(is_up=True).exclude(up())):
        still = Service.objects.filter(id=service.id, is_up=True).exclude(up())
        if still.update(is_up=False) and service.domain not in CONTROL:
            events.emit("host.down", host=service.host, domain=service.domain)


def note_inbox_read(topic: str, put_at: datetime) -> None:
    """Note that a mark which a control worker put into the inbox at this time has been read."""
    rows = Service.objects.filter(topic=topic, domain__in=CONTROL)
    rows.exclude(inbox_read_at__gte=put_at).update(inbox_read_at=put_at)


def inbox_is_late() -> bool:
    """Tell whether what hosts say waits too long to be read for silence to mean anything.

    Control workers put marks between the reports; how old the newest one is that came out again is how
    late the inbox is, whether the broker stands, the queue is long or no worker has a thread for it.
    """
    newest = Service.objects.filter(domain__in=CONTROL).aggregate(at=Max("inbox_read_at"))["at"]
    limit = timedelta(seconds=intervals().report * 1.5)
    return newest is not None and newest < now() - limit


def give_grace_after_silence() -> None:
    """Give every host a full interval when no control worker was there to hear it (a restart)."""
    limit = timedelta(seconds=intervals().host_down)
    if not Service.objects.filter(domain__in=CONTROL, last_seen_at__gt=now() - limit).exists():
        give_grace()


def give_grace() -> None:
    """Give every host that was up a full interval from now before its silence counts (OPERATIONS 44)."""
    until = now() + timedelta(seconds=intervals().host_down)
    Service.objects.exclude(domain__in=CONTROL).filter(is_up=True).update(grace_until=until)
