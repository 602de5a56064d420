"""Take snapshots of several volumes together, their servers' file systems frozen where that can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudweb.rpc import Order
from operations.holding import Resource
from operations.saga import Failure, Run, Saga, Step
from volume import quiescing
from volume.operations.together_rows import orders_to_hosts, tell_of_together, write_together
from volume.quiescing import Stillness
from volume.rpc import DELETE_TOGETHER, SNAPSHOT_TOGETHER
from volume.states import Consistency, GroupSnapshotStatus, SnapshotStatus


def freeze(run: Run) -> Sequence[Order] | None:
    """Order the guests still; one that cannot be is an answer, no failure."""
    servers: list[str] = run.args["servers"]
    return quiescing.freeze_orders(servers, name=run.resource_id) or None


def thaw(run: Run) -> Sequence[Order] | None:
    """Order that they go on: also those of which nobody knows whether they were frozen."""
    servers: list[str] = run.args["servers"]
    return quiescing.thaw_orders(servers, name=run.resource_id) or None


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
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """The snapshots, and the servers that are frozen: nobody works on one meanwhile."""
        snapshots = [Resource("snapshot", key) for key in args["snapshots"]]
        return [*snapshots, *quiescing.holds(args["servers"])]

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


def _answers(run: Run) -> Sequence[Stillness]:
    """Return what hosts said to freezing and to thawing; who owes it has not answered."""
    if not run.args["servers"]:
        return ()
    said = [*run.results.get("freeze", ()), *run.results.get("thaw", ())]
    return quiescing.read(one for one in said if one and "object" in one)


def _was_held(run: Run) -> bool:
    """Tell whether all guests were frozen from before the snapshots until after them."""
    answers, servers = _answers(run), run.args["servers"]
    is_complete = len(answers) == 2 * len(servers) > 0
    return is_complete and all(one.held for one in answers)


def _why(run: Run) -> Failure:
    reasons = (one.reason for one in _answers(run) if one.reason)
    why = next(reasons, "Its host did not answer.")
    return Failure("not_frozen", f"The snapshots are as after a power cut. {why}")
