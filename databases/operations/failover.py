"""A replica takes over from a source that fails: fenced first, then the one that is furthest is told, once.

Whoever takes over is the source by its row from the same transaction on in which it is told, so there is no
moment at which two could be: if it fails in its turn, it is replaced like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from cloudweb.database.clock import now
from cloudweb.exceptions import NotYet
from databases import conf, fake_guest, rpc
from databases.mail import OPEN, written
from databases.models import (
    DatabaseBackupSchedule,
    DatabaseInstance,
    Failover,
    FailoverWatch,
    Letter,
)
from databases.objects import NoArguments, PromoteRequest, ReplicationPoint
from databases.operations.actions import DatabaseAction
from databases.operations.fencing import (
    check_is_stopped,
    fence_of,
    note_power,
    start,
    stop,
    try_to_start,
)
from databases.operations.rows import fault, instance_of, rest, write
from databases.positions import NOWHERE, progress
from databases.states import SERVING, FailoverState, LetterState, OperatingStatus, Task
from operations.holding import Resource
from operations.saga import Child, Failure, Run, Step, StepFailed

#: How long the replicas that have not said how far they are are waited for, once one has.
PATIENCE = timedelta(seconds=15)
#: How long all of them are.
SURVEY = timedelta(minutes=5)
PROMOTION = timedelta(minutes=5)


def record(run: Run) -> Failover:
    """Return the row that says how it goes."""
    return Failover.objects.get(id=run.args["failover"])


def note(run: Run, **values: Any) -> None:
    """Write it down there."""
    Failover.objects.filter(id=run.args["failover"]).update(**values)


def see_who_may(run: Run) -> dict[str, Any]:
    """Wait until it can be proven that the source is off; raise StepFailed where it is back."""
    failover, source = record(run), instance_of(run)
    is_watched = FailoverWatch.objects.filter(instance=source).exists()
    if failover.called_off or (failover.automatic and not is_watched):
        raise StepFailed("It was called off.")
    _check_is_away(source, since=failover.begun_at)
    fence = fence_of(source, failover)
    return {**asdict(fence)}


def _check_is_away(source: DatabaseInstance, *, since: Any) -> None:
    heard = source.reported_at
    if heard is not None and heard > since and source.operating_status in SERVING:
        raise StepFailed("The source serves again: it stays the source.")


def fence(run: Run) -> Child | None:
    """Stop the source's server."""
    return stop(instance_of(run)) if run.results["see_who_may"]["stops"] else None


def let_run_again(run: Run) -> Child | None:
    """Nobody took over: let the source try again."""
    return start(instance_of(run)) if run.results.get("see_who_may", {}).get("ran") else None


def running_again(run: Run, _answers: list[Any]) -> None:
    """Let a fake guest boot with it."""
    note_power(instance_of(run), off=False)


def ask_replicas(run: Run) -> dict[str, Any]:
    """Ask each replica how far it is, now that nothing new can come."""
    note_power(instance_of(run), off=True)
    note(
        run,
        state=FailoverState.ELECTING,
        fenced_by=run.results["see_who_may"]["proof"],
        fenced_at=now(),
    )
    rows = DatabaseInstance.objects.filter(
        id__in=run.args["replicas"], replica_of__id=run.resource_id
    )
    letters = [
        written(
            one,
            rpc.REPLICATION_POINT,
            NoArguments(),
            within=SURVEY,
            operation=run.operation.id,
            epoch=run.operation.epoch,
        )
        for one in rows
    ]
    return {"letters": [str(one.id) for one in letters]}


def withdraw(run: Run) -> None:
    """Nobody waits for their answers."""
    _withdraw(run.result["letters"] if run.result else ())


def elect(run: Run) -> dict[str, Any]:
    """Choose the replica that is furthest by its own fresh word; raise NotYet while more may answer."""
    keys = run.results["ask_replicas"]["letters"]
    letters = Letter.objects.select_related("instance__version").filter(id__in=keys)
    if conf.GUESTS == "fake":
        for one in letters.filter(state=LetterState.POSTED):
            fake_guest.answer(one)
    found, waiting, asked_at = [], False, now()
    for one in letters:
        asked_at = one.created_at
        if one.state != LetterState.ANSWERED:
            waiting = waiting or one.deadline_at > now()
        elif one.answer is not None:
            point = ReplicationPoint.load(one.answer)
            far = progress(one.instance.version.manager, point)
            if not point.writable and far > NOWHERE:
                found.append((far, str(one.instance_id), point.position))
    if waiting and not (found and now() > asked_at + PATIENCE):
        raise NotYet("The replicas have not said yet how far they are.")
    if not found:
        raise StepFailed("No replica said how far it is.")
    _withdraw(keys)
    _, winner, position = max(found)
    return {"winner": winner, "position": position}


def hand_over(run: Run) -> dict[str, Any]:
    """Let the chosen one be the source from here on, and tell it so by a signed order with this epoch."""
    chosen, failover = run.results["elect"], record(run)
    rows = DatabaseInstance.objects
    source = rows.get(id=run.resource_id)
    if run.results["see_who_may"]["stops"]:
        check_is_stopped(source)
    if not run.results["see_who_may"]["is_certain"]:
        _check_is_away(source, since=failover.fenced_at)
        if fence_of(source, failover).stops:
            raise StepFailed("The source's host came back: nothing was changed.")
    winner = rows.select_related("version").get(id=chosen["winner"])
    others = rows.filter(replica_of=source).exclude(id=winner.id)
    followers = {str(key): 0 for key in others.values_list("id", flat=True)}
    others.update(replica_of=winner)
    rows.filter(id=winner.id).update(
        replica_of=None, replication_secret=source.replication_secret, updated_at=now()
    )
    if run.args["rejoin"]:
        followers[str(source.id)] = 0
    write(
        run,
        replica_of=winner if run.args["rejoin"] else None,
        operating_status=OperatingStatus.SHUTDOWN,
    )
    # whatever waits for it there was said to a source
    Letter.objects.filter(instance=source, state__in=OPEN).update(state=LetterState.WITHDRAWN)
    is_watched = pass_on(source.id, winner.id)
    note(
        run,
        state=FailoverState.PROMOTING,
        winner_id=winner.id,
        winner_name=winner.name,
        position=chosen["position"][:255],
        to_follow=followers,
        to_stop=not run.args["rejoin"] and not run.results["see_who_may"]["is_certain"],
    )
    told = PromoteRequest(epoch=run.operation.epoch, asks_first=is_watched)
    letter = written(
        winner,
        rpc.PROMOTE,
        told,
        within=PROMOTION,
        operation=run.operation.id,
        epoch=run.operation.epoch,
    )
    return {"letter": str(letter.id)}


def hear_winner(run: Run) -> dict[str, Any]:
    """Wait until it takes writes; one that does not is a source that fails, and is replaced in its turn."""
    key = run.results["hand_over"]["letter"]
    letter = Letter.objects.select_related("instance__version").get(id=key)
    if conf.GUESTS == "fake" and letter.state == LetterState.POSTED:
        fake_guest.answer(letter)
    if letter.state == LetterState.ANSWERED:
        return {"error": letter.error["public"]} if letter.error else {}
    if letter.deadline_at > now():
        raise NotYet("The new source has not said yet that it takes writes.")
    return {"error": "The new source did not say that it takes writes."}


def pass_on(old: UUID, new: UUID) -> bool:
    """Have the new source backed up and watched as the old one was; tell whether that was watched."""
    DatabaseBackupSchedule.objects.filter(instance=old).update(instance=new)
    found = FailoverWatch.objects.filter(instance=old).first()
    if found is not None:
        facts = {"after": found.after, "ill_since": None, "looked_at": None}
        FailoverWatch.objects.update_or_create(instance_id=new, defaults=facts)
        found.delete()
    return found is not None


def _withdraw(letters: Iterable[str]) -> None:
    Letter.objects.filter(id__in=letters, state__in=OPEN).update(state=LetterState.WITHDRAWN)


class FailOver(DatabaseAction):
    """Fence a source, let the replica that is furthest take over, and have the others follow that.

    ``args``: ``failover`` is its record, ``replicas`` may be chosen, ``rejoin`` says whether the old source
    comes back as a replica, ``failed`` whether it was in error before.
    """

    kind = "databases.fail_over"
    deadline: ClassVar[timedelta] = timedelta(days=1)
    steps = (
        Step("see_who_may", see_who_may),
        Step("fence", fence, undo=let_run_again, undone=running_again),
        Step("ask_replicas", ask_replicas, undo=withdraw),
        Step("elect", elect),
        Step("hand_over", hand_over, pivot=True),
        Step("hear_winner", hear_winner),
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """Return the replicas, which are asked and told."""
        return (Resource("database_instance", one) for one in args["replicas"])

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The new source is at rest, and so are the others, which hear of it one by one."""
        error = run.results["hear_winner"].get("error", "")
        status = OperatingStatus.FAILED if error else OperatingStatus.HEALTHY
        winner = UUID(run.results["elect"]["winner"])
        _rest(run)
        DatabaseInstance.objects.filter(id=winner).update(operating_status=status)
        state = FailoverState.FAILED if error else FailoverState.DONE
        note(run, state=state, error=error, ended_at=now())

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The source is what it was, and it is looked again whether it serves; a delete of it goes on."""
        said = failure.public if failure else "Something else was done to the source."
        why = {"fault_message": said, "fault_detail": failure.detail if failure else ""}
        _rest(run, **why, fault_at=now() if run.args.get("failed") else None)
        note(run, state=FailoverState.FAILED, error=said, ended_at=now())
        FailoverWatch.objects.filter(instance__id=run.resource_id).update(ill_since=None)
        if failure is not None and run.results.get("see_who_may", {}).get("stops"):
            try_to_start(instance_of(run))  # nobody waits for one that had died by itself

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """An operator is needed."""
        _rest(run, **fault(failure))
        note(run, state=FailoverState.FAILED, error=failure.public, ended_at=now())


def _rest(run: Run, **values: Any) -> None:
    """Let all be at rest again that were taken for it, and that nothing else was begun on since."""
    rows = DatabaseInstance.objects
    taken = rows.filter(id__in=run.args["replicas"], task=Task.EJECT)
    taken.update(task=Task.NONE, updated_at=now())
    if rows.filter(id=run.resource_id, task__in=(Task.EJECT, Task.NONE)).exists():
        rest(run, **values)
