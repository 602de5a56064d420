"""Who takes over from a source that fails: asked for by its tenant, seen to by the cloud, helped by operators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, CloudwebError
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from compute.manager import HostManager
from databases import conf, fake_guest, rpc
from databases.asking import ask
from databases.exceptions import (
    GuestRefused,
    GuestSilent,
    InstanceNotAvailable,
    NothingWaits,
    StillHeard,
)
from databases.mailbox.guests import HEARD_WITHIN
from databases.mailbox.reports import let_serve
from databases.manager.lookup import InstanceLookups
from databases.models import DatabaseInstance, Failover, FailoverWatch, FakeGuest, Letter
from databases.objects import Guard
from databases.operations import FailOver, FollowSource
from databases.operations.fencing import server_of, what_is_known
from databases.operations.rows import parts_context
from databases.states import FailoverState, LetterState, OperatingStatus, Task
from instances.manager import InstanceManager
from instances.states import PowerState, VmState
from operations.history import KEEP, operations_of
from operations.holding import is_held
from operations.waking import wake

#: Seconds that a source may be ill before it is replaced: of less than two polls nobody can tell.
LEAST, MOST = 60, 3600
LOOKS_EVERY = timedelta(seconds=10)
#: A look that comes later than this after the one before has not seen what was between them.
GAP = 4 * LOOKS_EVERY
#: After so many that came to nothing in so long a time none begins by itself.
TRIES, REST = 3, timedelta(hours=1)
#: Sources looked at by one query.
ROUND = 500
#: Who dies while it is backed up is replaced all the same: what is sent of the backup is dropped.
REPLACED_WHILE = (Task.NONE, Task.BACKUP)
GOING = (FailoverState.FENCING, FailoverState.ELECTING, FailoverState.PROMOTING)


@dataclass(frozen=True, slots=True)
class FailoverStanding:
    """What is so of an instance: ``after`` seconds (None: not by itself), the last one, and what that waits for."""

    after: int | None
    last: Failover | None
    waits_for: str = ""

    @property
    def goes_on(self) -> bool:
        """Tell whether one is under way."""
        return self.last is not None and self.last.state in GOING


class InstanceFailovers(InstanceLookups):
    """All raise DatabaseInstanceNotFound."""

    @policy("database:instances:get")
    def failover(self, instance_id: str) -> FailoverStanding:
        """Return whether a replica takes over by itself, and how it went last."""
        found = self.get(instance_id)
        watched = getattr(found, "failover_watch", None)
        last = Failover.objects.filter(Q(source_id=found.id) | Q(winner_id=found.id)).first()
        waits_for = ""
        if last is not None and last.state in GOING:
            entry = operations_of(FailOver.resource_type, str(last.source_id))
            waits_for = next((one.error for one in reversed(entry[0].steps) if one.error), "")
        return FailoverStanding(watched.after if watched else None, last, waits_for)

    @policy("database:instances:fail_over")
    def set_failover(self, instance_id: str, *, after: int | None) -> None:
        """Let a replica take over by itself from a source that is ill for so many seconds; None: no more.

        The guest is told first: it will ask before it serves, whenever it was started. Raises BadRequest for a
        replica, InstanceNotAvailable, GuestSilent, GuestRefused.
        """
        found = self.get(instance_id)
        if after is None:
            FailoverWatch.objects.filter(instance=found).delete()
            self._let_go(found)
            return
        if found.replica_of_id is not None:
            raise BadRequest("A replica cannot be replaced: ask for it at its source.")
        if not LEAST <= after <= MOST:
            raise BadRequest(f"A source may be ill for {LEAST} to {MOST} seconds.")
        ask(self._at_rest(instance_id), rpc.GUARD, Guard(asks_first=True))
        with transaction.atomic():
            rows = DatabaseInstance.objects.filter(id=found.id, replica_of=None)
            if locked(rows).first() is None:  # another one took over while its guest was told
                raise InstanceNotAvailable(found.id, self.get(instance_id).status)
            FailoverWatch.objects.update_or_create(
                instance=found, defaults={"after": after, "ill_since": None, "looked_at": None}
            )

    def _let_go(self, found: DatabaseInstance) -> None:
        """Let what waits for its fence find out, whoever asked for it, and a guest that hears it ask no more."""
        waiting = Failover.objects.filter(source_id=found.id, state=FailoverState.FENCING)
        waiting.update(called_off=True)
        for one in waiting:
            if one.operation is not None:
                wake(one.operation)
        try:
            ask(self._at_rest(str(found.id)), rpc.GUARD, Guard(asks_first=False))
        except (GuestSilent, GuestRefused, InstanceNotAvailable):
            return  # it asks once more than it must, and is told that it may serve

    @policy("database:instances:promote")
    def eject(self, instance_id: str) -> None:
        """Start letting the replica that is furthest take over from a source that failed.

        One whose guest is silent may have failed, whatever it said last. Raises BadRequest for a source that
        serves, or has no replicas; InstanceNotAvailable.
        """
        source = self.get(instance_id)
        if source.serves:
            raise BadRequest(f"Instance {source.id} serves: promote a replica instead.")
        begin(self.context, source, reason="Its tenant asked for it.")

    @policy("database:instances:confirm_off")
    def confirm_off(self, instance_id: str, *, reason: str, force: bool = False) -> None:
        """Note that a human says that a source writes no more, so that a replica may take over from it.

        Raises BadRequest without a reason, NothingWaits where no failover of it waits, and StillHeard where its
        guest speaks, unless by ``force``: whoever is mistaken then has two that write until it is told to follow.
        """
        found = self.get(instance_id)
        if not reason.strip():
            raise BadRequest("Say how you know that it is off.")
        rows = Failover.objects.filter(source_id=found.id, state=FailoverState.FENCING)
        row = rows.first()
        if row is None:
            raise NothingWaits(found.id)
        if not force and _is_heard(found, now()):
            raise StillHeard(found.id, found.reported_at, HEARD_WITHIN)
        rows.filter(id=row.id).update(
            confirmed_at=now(),
            confirmed_by=self.context.user_id or "",
            confirmed_reason=reason.strip()[:255],
        )
        if row.operation is not None:
            wake(row.operation)

    @periodic(every=LOOKS_EVERY)
    @policy("database:instances:watch")
    def watch_sources(self) -> Sequence[str]:
        """Replace sources that are ill for too long, and have replicas hear who their source is."""
        if conf.GUESTS == "fake":
            watched_ones = Q(instance__failover_watch__isnull=False) | Q(
                instance__replica_of__failover_watch__isnull=False
            )
            for guest in FakeGuest.objects.filter(
                watched_ones | Q(state__off=True) | Q(state__held=True)
            ).select_related("instance__version"):
                fake_report(guest)
        began = []
        every = [*FailoverWatch.objects.select_related("instance").order_by("pk")]
        rounds = (every[at : at + ROUND] for at in range(0, len(every), ROUND))
        for source, said in chain.from_iterable(map(look_at, rounds)):
            if came_to_nothing(source):
                continue
            try:
                reason = f"Its guest {said}; {what_is_known(source)}."
                begin(self.context, source, reason=reason, automatic=True)
            except CloudwebError:
                continue  # something is done to it: looked at again in the next round
            began.append(str(source.id))
        for failover in Failover.objects.filter(to_stop=True):
            with suppress(CloudwebError):  # something is done to the server: in the next round
                stop_replaced(failover)
        for replica in strayed():
            rows = DatabaseInstance.objects.filter(id=replica.id).at_rest()
            with suppress(CloudwebError), transaction.atomic():
                if rows.update(task=Task.PROMOTE, updated_at=now()):
                    FollowSource.start(
                        RequestContext.system(project_id=replica.project_id),
                        resource_id=str(replica.id),
                    )
        return began

    @periodic(every=timedelta(hours=1))
    @policy("database:instances:watch")
    def forget_old_failovers(self) -> None:
        """Forget failovers that ended 90 days ago, but for those that somebody has still to be told of."""
        old = Failover.objects.filter(ended_at__lt=now() - KEEP, to_follow={}, to_stop=False)
        old.delete()


def came_to_nothing(source: DatabaseInstance) -> bool:
    """Tell whether so many failovers failed lately that no other begins: each stops and starts its server."""
    failed = Failover.objects.filter(source_id=source.id, state=FailoverState.FAILED)
    return failed.filter(automatic=True, ended_at__gt=now() - REST).count() >= TRIES


def begin(
    context: RequestContext, source: DatabaseInstance, *, reason: str, automatic: bool = False
) -> None:
    """Start a failover of a set: one of two gets it, the other InstanceNotAvailable; BadRequest without replicas."""
    with transaction.atomic():
        rows = DatabaseInstance.objects.filter(
            id=source.id, replica_of=None, task__in=REPLACED_WHILE
        )
        if not rows.update(task=Task.EJECT, updated_at=now(), fault_message=""):
            raise InstanceNotAvailable(source.id, DatabaseInstance.objects.get(id=source.id).status)
        free = [
            one.id
            for one in source.replicas.at_rest()
            if not is_held("database_instance", str(one.id))
        ]
        if not free:
            raise BadRequest(f"Instance {source.id} has no replica that could take over.")
        chosen = DatabaseInstance.objects.filter(id__in=free).at_rest()
        if chosen.update(task=Task.EJECT) != len(free):  # something was begun on one just now
            raise InstanceNotAvailable(source.id, Task.EJECT)
        row = Failover.objects.create(
            project_id=source.project_id,
            source_id=source.id,
            source_name=source.name,
            automatic=automatic,
            reason=reason[:255],
        )
        args = {
            "failover": str(row.id),
            "replicas": sorted(str(one) for one in free),
            "rejoin": automatic,
            "failed": source.fault_at is not None,
        }
        started = FailOver.start(context, resource_id=str(source.id), args=args, preempt=True)
        Failover.objects.filter(id=row.id).update(operation=started.id)


def look_at(some: Sequence[FailoverWatch]) -> Sequence[tuple[DatabaseInstance, str]]:
    """Note how sources are; return those that are to be replaced now, and what their guests do.

    A replica is the witness: it has spoken when the source was overdue already, and goes on to speak at every
    look until it is time. So it is not the control plane that was away.
    """
    moment, keys = now(), [one.pk for one in some]
    witnesses = dict(
        DatabaseInstance.objects.at_rest()
        .filter(replica_of__in=keys, reported_at__gt=moment - HEARD_WITHIN)
        .values_list("replica_of")
        .annotate(Max("reported_at"))
    )
    found, seen = [], dict[bool, list[Any]]({True: [], False: []})
    for watched in some:
        source, witness = watched.instance, witnesses.get(watched.pk)
        heard = source.reported_at
        silent = bool(heard and witness and witness > heard + HEARD_WITHIN)
        fails = source.operating_status == OperatingStatus.FAILED and witness is not None
        ill = source.task in REPLACED_WHILE and (silent or fails)
        unseen = watched.looked_at is None or moment - watched.looked_at > GAP
        since = watched.ill_since if ill and not unseen else None
        if since is None:
            seen[ill].append(watched.pk)
            continue
        patience = timedelta(seconds=watched.after) - (HEARD_WITHIN if silent else timedelta(0))
        if moment - since < patience:
            continue
        if silent and heard is not None:
            said = f"has said nothing for {(moment - heard).total_seconds():.0f} s"
        else:
            said = f"has not served for {(moment - since).total_seconds():.0f} s"
        found.append((source, said))
    rows = FailoverWatch.objects
    rows.filter(pk__in=seen[True]).update(ill_since=moment)
    rows.filter(pk__in=seen[False], ill_since__isnull=False).update(ill_since=None)
    rows.filter(pk__in=keys).update(looked_at=moment)
    return found


def stop_replaced(failover: Failover) -> None:
    """Stop the server of a source whose host was believed to be off, once that is heard again."""
    source = DatabaseInstance.objects.filter(id=failover.source_id).first()
    server = server_of(source) if source is not None else None
    if source is None or server is None or server.vm_state == VmState.STOPPED:
        Failover.objects.filter(id=failover.id).update(to_stop=False)
    elif HostManager(RequestContext.system()).is_up(server.host):
        InstanceManager(parts_context(source)).stop(str(source.server_id))


def strayed() -> Iterator[DatabaseInstance]:
    """Yield replicas at rest that follow nobody, or the wrong one: told once, and again when they are heard."""
    moment = now()
    for row in Failover.objects.exclude(to_follow={}):
        left = {}
        for key, tries in row.to_follow.items():
            found = DatabaseInstance.objects.filter(id=key, replica_of__isnull=False).first()
            if found is None:
                continue
            left[key] = tries
            is_free = not found.task and found.fault_at is None
            if is_free and (tries == 0 or _is_heard(found, moment)):
                left[key] = tries + 1
                yield found
        if left != row.to_follow:
            _write_down(row, left)
    woken = DatabaseInstance.objects.at_rest().filter(
        replica_of__isnull=False, agent__report__role="primary"
    )
    yield from (one for one in woken if _is_heard(one, moment))


def _write_down(row: Failover, left: Mapping[str, int]) -> None:
    """Note who has still to be told, but for those that follow meanwhile: told again they would be restarted."""
    with transaction.atomic():
        for fresh in locked(Failover.objects.filter(id=row.id)):
            fresh.to_follow = {key: left[key] for key in fresh.to_follow if key in left}
            fresh.save(update_fields=["to_follow"])


def _is_heard(instance: DatabaseInstance, moment: datetime) -> bool:
    return instance.reported_at is not None and moment - instance.reported_at < HEARD_WITHIN


def fake_report(guest: FakeGuest) -> None:
    """Say for a fake guest what an agent says: that it is there, as far as its server runs; do what waits for it."""
    instance = guest.instance
    server = server_of(instance)
    if server is not None:
        fake_guest.switch(instance.id, off=server.power_state != PowerState.RUNNING)
        guest.refresh_from_db()
    if guest.state.get("off"):
        return
    DatabaseInstance.objects.filter(id=instance.id).update(reported_at=now())
    if guest.state.get("held"):
        let_serve(instance.id)
        with transaction.atomic():
            for letter in Letter.objects.filter(
                instance=instance, method=rpc.START.name, state=LetterState.POSTED
            ).select_related("instance__version"):
                fake_guest.answer(letter)
