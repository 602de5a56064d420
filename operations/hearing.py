"""Reports as they come in: who sent them, which are news, and what all domains share of them.

Any number are taken together by the same few statements. Of the reports of one start of a host the
newest counts; an older one that nobody took yet is dropped unless it tells what the newest leaves out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from django.db.models import Exists, OuterRef, Subquery

from cloudweb.database.clock import now
from cloudweb.database.literals import Literal
from cloudweb.database.many import update_each
from cloudweb.encryption import decrypt
from cloudweb.messages import Envelope
from cloudweb.objects import IncompatibleObject
from cloudweb.reports import Report, ServiceReport
from cloudweb.signing import BadSignature, check_age, check_mac
from cloudweb.topics import HOST_DOMAINS, HOST_NAME, host_topic
from operations import lost, reporting, restored, services
from operations.models import Debt, EpochCounter, HostCredential, Service, Step
from operations.states import StepState

log = structlog.get_logger(__name__)
TOLERATED = timedelta(seconds=5)  # a clock that is off by less is right
#: Within a start of the host its numbers decide; a report of another start must have been sent later.
IS_NEWS = (
    "(old.boot_id = {boot_id} AND old.seq < {seq}) OR "
    "(old.boot_id <> {boot_id} AND (old.sent_at IS NULL OR old.sent_at < {sent_at}))"
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """An envelope of the queue; everything put there before ``read_after`` was read before it."""

    envelope: dict[str, Any]
    read_at: datetime
    read_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a host whose report came."""

    key: str  # encrypted
    clock_ahead: float
    epoch: int | None
    is_awaited: bool  # a step is under way there
    owes: bool


@dataclass(slots=True)
class Told:
    """A report that its host signed."""

    host: str
    boot_id: str
    seq: int
    sent_at: datetime  # by the host's clock
    seen_at: datetime  # by ours
    ahead: float  # seconds
    body: dict[str, Any]
    known: Known
    report: Report = field(default_factory=Report)
    came_up: Collection[str] = ()
    is_taken: bool = True  # every domain took its part

    @property
    def running(self) -> Mapping[str, ServiceReport]:
        """The host's services; it names domains, and its name comes from its key."""
        return {one.domain: one for one in self.report.services if one.domain in HOST_DOMAINS}

    def taken_at(self, domain: str) -> datetime | None:
        """Return up to when the host has taken what is in a domain's queue; None if it cannot say."""
        return lost.taken_at(self.report.taken, domain)


def take(envelopes: Sequence[Incoming]) -> Iterator[Told]:
    """Take what is believed and new, let each domain have its parts, and give what was taken."""
    named = {str(one.envelope.get("host")) for one in envelopes}
    known = _known({host for host in named if HOST_NAME.fullmatch(host)})
    told = [said for one in envelopes if (said := _believed(one, known)) is not None]
    for wave in _waves(told):
        yield from _take_each_host_once(wave)


def _known(hosts: Collection[str]) -> Mapping[str, Known]:
    """Return what is known of those hosts that may join, by one statement."""
    here = {"host": OuterRef("host")}
    rows = HostCredential.objects.filter(host__in=hosts).values_list(
        "host",
        "key",
        "clock_ahead",
        Subquery(EpochCounter.objects.values("value")[:1]),
        Exists(Step.objects.filter(**here, state=Literal(StepState.STARTED))),
        Exists(Debt.objects.filter(**here, paid_at__isnull=True)),
    )
    return {host: Known(*facts) for host, *facts in rows}


@lru_cache(maxsize=20_000)
def _open(key: str) -> bytes:
    """Return a key; one that was rotated is another text, and one withdrawn is no longer asked for."""
    return decrypt(key).encode()


def _believed(one: Incoming, known: Mapping[str, Known]) -> Told | None:
    """Check who sent a report and when; None, with a line in the log, for what is not believed."""
    try:
        host = str(one.envelope["host"])
        verified = check_mac(_key(known, host), one.envelope)
        check_age(verified, "report", at=one.read_at.timestamp())
        message = Envelope.read(verified)
        boot_id, seq = _place(message)
        sent_at = datetime.fromtimestamp(message.sent_at, UTC)
    except (BadSignature, IncompatibleObject, KeyError, TypeError, ValueError) as error:
        log.warning("report refused", error=str(error), detail=getattr(error, "detail", ""))
        return None
    ahead, seen_at = _seen(sent_at, one, known[host].clock_ahead)
    return Told(host, boot_id, seq, sent_at, seen_at, ahead, message.body, known[host])


def _key(known: Mapping[str, Known], host: str) -> bytes:
    if host not in known:
        raise BadSignature(detail=f"unknown host {host!r}")
    return _open(known[host].key)


def _place(message: Envelope) -> tuple[str, int]:
    """Return the host's start and the report's number; raise ValueError for what no host of ours says."""
    boot_id, seq = message.boot_id, message.seq
    if not re.fullmatch(r"[a-zA-Z0-9-]{1,64}", boot_id) or not 0 <= seq < 2**63:
        raise ValueError(f"start {boot_id[:80]!r}, number {seq}")
    return boot_id, seq


def _seen(sent_at: datetime, one: Incoming, known: float) -> tuple[float, datetime]:
    """Return how many seconds the host's clock is ahead, and when it sent this by our clock.

    What was read after one of our marks was sent after it, and before it was read. While the inbox is
    read as it comes that measures the host's clock; while it waits, what was measured last counts.
    """
    first, last = one.read_after, one.read_at
    ahead = known
    if first is not None and last - first <= TOLERATED:
        is_right = first - TOLERATED <= sent_at <= last + TOLERATED
        ahead = 0.0 if is_right else (sent_at - last).total_seconds()
    seen_at = min(sent_at - timedelta(seconds=ahead), last)
    return ahead, seen_at if first is None else max(seen_at, first)


def _waves(told: Sequence[Told]) -> Iterator[list[Told]]:
    """Give lists in which no host is twice, the older of its reports first."""
    by_host: defaultdict[str, list[Told]] = defaultdict(list)
    for one in sorted(told, key=lambda one: (one.sent_at, one.seq)):
        mine = by_host[one.host]
        if mine and mine[-1].boot_id == one.boot_id and _says_all_of(one, mine[-1]):
            mine.pop()
        mine.append(one)
    while by_host:
        yield [reports.pop(0) for reports in by_host.values()]
        by_host = defaultdict(list, {host: rest for host, rest in by_host.items() if rest})


def _says_all_of(newer: Told, older: Told) -> bool:
    """Tell whether nothing is lost with the older report: it says nothing that the newer leaves out.

    Facts (OPERATIONS 46) are in both, for the host keeps them until they were taken.
    """
    said, says = older.body.get("data"), newer.body.get("data")
    if older.body.get("version") != newer.body.get("version") or not _is_said(said, says):
        return False
    parts, others = said.get("parts"), says.get("parts")  # type: ignore[union-attr]
    if not isinstance(parts, dict) or not isinstance(others, dict):
        return False
    return all(_is_said(_data(part), _data(others.get(name))) for name, part in parts.items())


def _data(part: Any) -> Any:
    return part.get("data") if isinstance(part, dict) else None


def _is_said(older: Any, newer: Any) -> bool:
    """Tell whether an object names all that an older one did; what is said only on change may be null."""
    if not isinstance(older, dict) or not isinstance(newer, dict):
        return False
    return all(value is None or newer.get(name) is not None for name, value in older.items())


def _take_each_host_once(wave: Sequence[Told]) -> Sequence[Told]:
    readable = [one for one in wave if _read(one)]
    news = _note_news(readable)
    _catch_up([one for one in news if one.report.epoch > (one.known.epoch or 0)])
    _note_services(news)
    failed = reporting.deliver(
        [reporting.Parts(one.host, _own_parts(one), one.ahead) for one in news]
    )
    for one in news:
        one.is_taken = one.host not in failed
    return news


def _own_parts(one: Told) -> Mapping[str, dict[str, Any]]:
    return {domain: part for domain, part in one.report.parts.items() if domain in one.running}


def _read(one: Told) -> bool:
    try:
        one.report = Report.load(one.body)
    except IncompatibleObject as error:
        log.warning("report refused", host=one.host, error=str(error), detail=error.detail)
        return False
    return True


def _note_news(told: Sequence[Told]) -> Sequence[Told]:
    """Note the newest report of each host and return those: each is taken once, by one process."""
    rows = [
        {"host": one.host, "boot_id": one.boot_id, "seq": one.seq, "sent_at": one.sent_at,
         "clock_ahead": one.ahead}
        for one in told
    ]  # fmt: skip
    newer = update_each(HostCredential, rows, key="host", only_if=IS_NEWS)
    for one in told:
        if one.host not in newer:
            log.warning("report dropped: a later one was heard, or the host's clock went back",
                        host=one.host, seq=one.seq)  # fmt: skip
        elif one.ahead and abs(one.ahead - one.known.clock_ahead) > TOLERATED.total_seconds():
            log.warning("a host's clock is off", host=one.host, seconds=round(one.ahead, 1))
    return [one for one in told if one.host in newer]


def _catch_up(told: Sequence[Told]) -> None:
    for one in sorted(told, key=lambda one: one.report.epoch):
        restored.catch_up(one.report.epoch)


def _note_services(told: Sequence[Told]) -> None:
    """Write that the hosts' services were seen; note which were down until now."""
    rows = [
        {"topic": host_topic(domain, one.host), "boot_id": one.boot_id, "seq": one.seq,
         "last_seen_at": one.seen_at, "taken_at": one.taken_at(domain)}
        for one in told
        for domain in one.running
    ]  # fmt: skip
    condition = "old.is_up AND old.boot_id = {boot_id}"
    went_on = update_each(Service, rows, key="topic", only_if=condition)
    for one in told:
        new = [name for name in one.running if host_topic(name, one.host) not in went_on]
        one.came_up = _note_starts(one, new) if new else ()


def _note_starts(told: Told, domains: Collection[str]) -> Sequence[str]:
    """Write what services say of themselves that started, or were down."""
    wanted = [(host_topic(domain, told.host), domain, told.host) for domain in domains]
    running = told.running
    for row in services.ensure(wanted).values():
        said = running[row.domain]
        values: dict[str, Any] = {
            "last_seen_at": told.seen_at,
            "taken_at": told.taken_at(row.domain),
            "is_up": True,
            "seq": told.seq,
        }
        if row.boot_id != told.boot_id:
            values |= {
                "boot_id": told.boot_id,
                "version": said.version,
                "speaks": said.speaks,
                "up_since": now(),
            }
        Service.objects.filter(id=row.id).update(**values)
    return list(domains)
