"""Whose turn it is: a host sends, and takes, only so many running servers at once; the others wait in order.

A server that waits is ``queued`` and holds no place yet. It is behind those that wait for the same host and
were asked for before; who waits for another host is not in its way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from cloudweb.database.locks import alone_with
from cloudweb.exceptions import NotYet
from instances import conf
from instances.migration_states import MigrationStatus, MigrationType
from instances.models import Migration
from instances.querysets import MigrationQuerySet
from operations.services import hosts_up
from operations.waiting import look_again, waiting_for

#: One at a time asks whose turn it is, in all of the cloud.
TURN = UUID("6c697665-2d74-7572-6e73-000000000000")
RESOURCE = "instance"
ON_THEIR_WAY = (MigrationStatus.PREPARING, MigrationStatus.RUNNING, MigrationStatus.POST_MIGRATING)


class SourceIsBusy(NotYet):
    """The server's host sends as many servers elsewhere as it may at once."""

    code = "migration_source_busy"
    default_message = "Other servers of its host go first."


class DestinationIsBusy(NotYet):
    """Each host that would do takes as many servers as it may at once."""

    code = "migration_destination_busy"
    default_message = "Other servers go first to where it could go."


def busy_destinations(row: Migration) -> Sequence[str]:
    """Return the hosts that take no more for now; raise SourceIsBusy while it is not the server's turn.

    Until the transaction ends nobody else is told; one that has begun is asked nothing.
    """
    most = conf.LIVE_AT_ONCE
    if most == 0 or row.status != MigrationStatus.QUEUED:
        return ()
    alone_with(TURN, wait=True)
    going = _going()
    sending, taking = Counter(one for one, _ in going), Counter(other for _, other in going)
    before = _queued().filter(pk__lt=row.pk)
    from_here, room = before.filter(source_host=row.source_host), most - sending[row.source_host]
    if room <= 0 or len(_waiting(SourceIsBusy.code, from_here)) >= room:
        raise SourceIsBusy
    if row.wanted_host:
        to_there = before.filter(wanted_host=row.wanted_host)
        taking[row.wanted_host] += len(_waiting(DestinationIsBusy.code, to_there))
    return [host for host, count in taking.items() if count >= most]


def _going() -> Sequence[tuple[str, str]]:
    """Return whence and whither servers go now; where one of both is down nothing goes, and nobody waits for it."""
    live = Migration.objects.filter(migration_type=MigrationType.LIVE, status__in=ON_THEIR_WAY)
    up = {*hosts_up("compute")}
    return [pair for pair in live.values_list("source_host", "dest_host") if up.issuperset(pair)]


def next_turn(row: Migration) -> None:
    """Let those look again that may have waited for this one."""
    queued = _queued().exclude(pk=row.pk).order_by("pk")
    hosts = {row.source_host, row.dest_host}
    behind = _waiting(SourceIsBusy.code, queued.filter(source_host__in=hosts))[:1]
    behind += _waiting(DestinationIsBusy.code, queued.filter(wanted_host__in=("", *hosts)))[:1]
    look_again(resource_type=RESOURCE, resource_ids=behind)


def not_any_more(row: Migration) -> None:
    """Let one that was called off while it waits see that at once."""
    look_again(resource_type=RESOURCE, resource_ids=[str(row.instance_id)])


def _queued() -> MigrationQuerySet:
    return Migration.objects.filter(
        migration_type=MigrationType.LIVE, status=MigrationStatus.QUEUED, called_off=False
    )


def _waiting(code: str, rows: MigrationQuerySet) -> list[str]:
    """Return the servers of these rows that wait with that code, in order."""
    keys = [str(key) for key in rows.order_by("pk").values_list("instance_id", flat=True)]
    found = waiting_for(code, resource_type=RESOURCE, resource_ids=keys) if keys else set()
    return [key for key in keys if key in found]
