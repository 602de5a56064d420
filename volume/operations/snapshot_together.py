"""Take snapshots of several volumes together, their servers' file systems frozen where that can be.

Where one moment is demanded and the back end knows none, the servers are paused for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cloudweb.rpc import Order
from operations.holding import Resource
from operations.saga import Failure, Run, Saga, Step, StepFailed
from volume import quiescing
from volume.models import Attachment
from volume.operations.together_rows import (
    orders_to_hosts,
    snapshots_of,
    tell_of_together,
    write_together,
)
from volume.quiescing import Stillness
from volume.rpc import DELETE_TOGETHER, SNAPSHOT_TOGETHER
from volume.states import Consistency, GroupSnapshotStatus, SnapshotStatus

NOT_ONE = "The snapshots are not of one moment, as was demanded."


def freeze(run: Run) -> Sequence[Order] | None:
    """Order the guests still; one that cannot be is an answer, no failure."""
    servers: list[str] = run.args["servers"]
    orders = quiescing.freeze_orders(servers, paused=_paused(run), name=run.resource_id)
    return orders or None


def thaw(run: Run) -> Sequence[Order] | None:
    """Order that they go on: also those of which nobody knows whether they were held."""
    return quiescing.thaw_orders(_all(run), name=run.resource_id) or None


def check(run: Run) -> None:
    """Raise StepFailed where it was not the one moment that was demanded."""
    if not all(_twice(run, server, lambda one: one.paused) for server in _paused(run)):
        raise StepFailed(f"{NOT_ONE} {_reason(run)}")
    known = run.args.get("users")
    if known is None:
        return
    volumes = [row.volume_id for row in snapshots_of(run)]
    rows = Attachment.objects.filter(volume__in=volumes).exclude(mode="ro")
    if not {str(key) for key in rows.values_list("instance_id", flat=True)} <= {*known}:
        raise StepFailed(f"{NOT_ONE} Somebody else came to use a volume meanwhile.")


def take(run: Run) -> Sequence[Order] | None:
    """Order the snapshots."""
    return orders_to_hosts(run, SNAPSHOT_TOGETHER)


def remove(run: Run) -> Sequence[Order] | None:
    """Order them away."""
    return orders_to_hosts(run, DELETE_TOGETHER)


class SnapshotTogether(Saga):
    """Keep what several volumes hold now: freeze, take, thaw.

    A guest that was frozen goes on by itself after a short time, whatever becomes of us: then its file
    systems were not held still until the end, which is said.
    """

    kind = "volume.snapshot_together"
    resource_type = "group_snapshot"
    steps = (
        Step("freeze", freeze, undo=thaw),
        Step("take", take, undo=remove),
        Step("thaw", thaw, owes=True, max_failures=10),
        Step("check", check),
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """The snapshots, and the servers that are held still: nobody works on one meanwhile."""
        snapshots = [Resource("snapshot", key) for key in args["snapshots"]]
        servers = {*args["servers"], *args.get("users", ())}
        return [*snapshots, *quiescing.holds(sorted(servers))]

    @classmethod
    def on_done(cls, run: Run) -> None:
        """They can be used, and say what they hold together."""
        held = _was_held(run)
        crash = Consistency.ONE_MOMENT if run.args["one_moment"] else Consistency.EACH
        write_together(
            run,
            SnapshotStatus.AVAILABLE,
            GroupSnapshotStatus.AVAILABLE,
            progress=100,
            consistency=Consistency.FILE_SYSTEMS if held and run.args["all_frozen"] else crash,
        )
        if not held and run.args["servers"]:
            tell_of_together(run, "freeze", _why(run))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """They are in error, and nothing is there: also where the deletion of a server came between."""
        write_together(run, SnapshotStatus.ERROR, GroupSnapshotStatus.ERROR)
        if failure is not None:
            tell_of_together(run, "snapshot", failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """The clean-up needs an operator; the tenant sees an error."""
        write_together(run, SnapshotStatus.ERROR, GroupSnapshotStatus.ERROR)


def _paused(run: Run) -> Sequence[str]:
    found: list[str] = run.args.get("paused", [])
    return found


def _all(run: Run) -> Sequence[str]:
    return sorted({*run.args["servers"], *_paused(run)})


def _answers(run: Run) -> Sequence[Stillness]:
    """Return what hosts said to freezing and to thawing; who owes it has not answered."""
    if not _all(run):
        return ()
    said = [*run.results.get("freeze", ()), *run.results.get("thaw", ())]
    return quiescing.read(one for one in said if one and "object" in one)


def _twice(run: Run, server: str, is_still: Callable[[Stillness], bool]) -> bool:
    """Tell whether a server was still when the snapshots began, and until they were there."""
    found = [one for one in _answers(run) if one.server_id == server]
    return len(found) == 2 and all(is_still(one) for one in found)


def _was_held(run: Run) -> bool:
    """Tell whether all guests were frozen from before the snapshots until after them."""
    servers: list[str] = run.args["servers"]
    return bool(servers) and all(_twice(run, one, lambda said: said.held) for one in servers)


def _reason(run: Run) -> str:
    reasons = (one.reason for one in _answers(run) if one.reason)
    return next(reasons, "Its host did not answer.")


def _why(run: Run) -> Failure:
    is_whole = "of one moment, as after a power cut" if _paused(run) else "as after a power cut"
    return Failure("not_frozen", f"The snapshots are {is_whole}. {_reason(run)}")
