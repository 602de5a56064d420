"""Differences: what was found is noted, healed after its hold, and forgotten when it is long gone."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from cloudweb.bulk import each
from cloudweb.database.clock import now
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from reconciliation import conf
from reconciliation.exceptions import DifferenceNotFound, NothingHeals
from reconciliation.kinds import Finding, kinds, row_looks
from reconciliation.models import Difference
from reconciliation.operations import HealDifference
from reconciliation.querysets import CONFIRMED

log = structlog.get_logger(__name__)
#: Two looks that are nearer to each other are one: what was under way may not have ended between them.
APART = timedelta(seconds=10)
#: What could not be healed is tried again after so long, then after twice that, and so on up to a day.
AGAIN, LONGEST, TRIES = timedelta(minutes=5), timedelta(days=1), 10
KEPT = timedelta(days=30)
AT_ONCE = 100


class DifferenceManager(Manager):
    """Differences of the whole cloud."""

    @policy("cloud:differences:note")
    def note(
        self, found: Mapping[str, Iterable[Finding]], *, host: str = "", at: datetime | None = None
    ) -> None:
        """Note what was found of each of these kinds on a host (or in the rows) at a time, and what no more."""
        moment = at or now()
        fresh = {(kind, one.subject): one for kind, some in found.items() for one in some}
        with transaction.atomic():
            rows = Difference.objects.open().filter(host=host, kind__in=[*found])
            known = {(row.kind, row.subject): row for row in rows}
            if not fresh and not known:
                return
            for key in known.keys() - fresh.keys():
                _gone(known[key], moment)
            for key in fresh.keys() & known.keys():
                _again(known[key], fresh[key], moment)
            Difference.objects.bulk_create(
                [_new(kind, host, one, moment) for (kind, _), one in fresh.items()
                 if (kind, one.subject) not in known],
                ignore_conflicts=True,
            )  # fmt: skip

    @periodic(every=120)
    @policy("cloud:differences:look_at_rows")
    def look_at_rows(self) -> None:
        """Look for differences among rows: what holds something for somebody who is gone."""
        moment = now()
        for look in row_looks():
            self.note(look(), at=moment)

    @periodic(every=30)
    @policy("cloud:differences:heal_due")
    def heal_due(self) -> None:
        """Start healing the differences whose hold is over; what somebody is at work on waits."""
        if conf.HEALS:
            due = Difference.objects.due().filter(tries__lt=TRIES).order_by("heal_at", "id")
            each(due[:AT_ONCE], self._start)

    @policy("cloud:differences:heal")
    def heal(self, difference_id: uuid.UUID) -> None:
        """Heal it now, whatever its hold; raise DifferenceNotFound, NothingHeals, Conflict while it is worked on."""
        self._start(self._get(difference_id))

    @policy("cloud:differences:leave")
    def leave(self, difference_id: uuid.UUID) -> None:
        """Let it be: it is shown, and never healed by itself; raise DifferenceNotFound."""
        Difference.objects.filter(id=self._get(difference_id).id).update(left=True)

    @periodic(every=timedelta(hours=1))
    @policy("cloud:differences:forget")
    def forget_old(self) -> None:
        """Forget differences that are gone for a month."""
        Difference.objects.filter(gone_at__lt=now() - KEPT).delete()

    def _start(self, difference: Difference) -> None:
        kind = kinds().get(difference.kind)
        if kind is None or kind.heal is None:
            raise NothingHeals
        wait = min(AGAIN * 2**difference.tries, LONGEST)
        args = {"type": kind.resource_type, "held": difference.held if kind.resource_type else ""}
        with transaction.atomic():
            HealDifference.start(self.context, resource_id=str(difference.id), args=args)
            Difference.objects.filter(id=difference.id).update(
                tries=difference.tries + 1, heal_at=now() + wait
            )
        log.info("healing", kind=difference.kind, host=difference.host, subject=difference.subject)

    def _get(self, difference_id: uuid.UUID) -> Difference:
        found = Difference.objects.open().filter(id=difference_id).first()
        if found is None:
            raise DifferenceNotFound
        return found


def _new(kind: str, host: str, one: Finding, moment: datetime) -> Difference:
    return Difference(
        kind=kind,
        host=host,
        subject=one.subject,
        sentence=one.sentence,
        held=one.held,
        facts=dict(one.facts),
        first_seen=moment,
        last_seen=moment,
    )


def _again(row: Difference, one: Finding, moment: datetime) -> None:
    """Note one more sighting; with the second its hold begins."""
    if moment - row.last_seen < APART:
        return
    hold = kinds()[row.kind].hold
    confirmed = row.sightings + 1 == CONFIRMED
    row.sightings, row.last_seen, row.sentence = row.sightings + 1, moment, one.sentence
    row.held, row.facts = one.held, dict(one.facts)
    due = ("heal_at",) if confirmed and hold is not None and kinds()[row.kind].heal else ()
    if due and hold is not None:
        row.heal_at = moment + hold
    row.save(update_fields=("sightings", "last_seen", "sentence", "held", "facts", *due))
    if confirmed:
        log.warning("difference", kind=row.kind, host=row.host, detail=row.sentence)


def _gone(row: Difference, moment: datetime) -> None:
    """What was seen once was chance; the rest is kept for those who ask later."""
    if row.sightings < CONFIRMED:
        row.delete()
    elif moment > row.last_seen:
        Difference.objects.filter(id=row.id).update(gone_at=moment)
