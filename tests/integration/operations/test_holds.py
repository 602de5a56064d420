"""One operation that holds several resources: all or none, and everybody else in his turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model

from cloudweb.context import RequestContext
from cloudweb.database import prepared
from cloudweb.database.prepared import Prepared
from operations import holding
from operations.engine import advance
from operations.holding import Resource, ResourceBusy, held_by
from operations.models import Hold, Operation
from operations.saga import Run, Saga, Step, StepFailed
from operations.testing import Cloud, check_invariants, cloud

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

log: list[str] = []
broken: set[str] = set()


def work(run: Run) -> None:
    log.append(f"{run.operation.kind}:{run.resource_id}")


def unwork(run: Run) -> None:
    if "undo" in broken:
        raise StepFailed("No way back.")


def wait(run: Run) -> None:
    if "wait" in broken:
        raise OSError("not now")


class Attach(Saga):
    """Is about a server and gives orders about volumes too."""

    kind = "test.attach"
    resource_type = "server_x"
    steps = (Step("work", work, undo=unwork), Step("wait", wait, max_failures=1_000))

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        return [Resource("disk_x", volume) for volume in args.get("volumes", ())]


class DropServer(Attach):
    kind = "test.drop_server"
    steps = (Step("work", work),)


class Refresh(Attach):
    """Whoever comes joins one that has not looked yet, or waits."""

    kind = "test.refresh_x"
    coalesce = True


class Snapshot(Saga):
    kind = "test.snapshot"
    resource_type = "disk_x"
    steps = (Step("work", work),)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Cloud]:
    log.clear()
    broken.clear()
    with cloud(tmp_path) as made:
        yield made


def start(saga: type[Saga], resource_id: str, *volumes: str, preempt: bool = False) -> Operation:
    with transaction.atomic():
        return saga.start(
            RequestContext.system(project_id="p"),
            resource_id=resource_id,
            args={"volumes": volumes} if volumes else {},
            preempt=preempt,
        )


def state_of(operation: Operation) -> str:
    return Operation.objects.get(id=operation.id).state


def test_all_are_held_from_the_start_to_the_end(lab: Cloud) -> None:
    operation = start(Attach, "s", "v2", "v1", "v2")
    rows = Hold.objects.order_by("id").values_list("resource_type", "resource_id")
    assert list(rows) == [("disk_x", "v1"), ("disk_x", "v2"), ("server_x", "s")]
    check_invariants()
    lab.settle()
    assert state_of(operation) == "DONE"
    assert not Hold.objects.exists()


def test_a_thousand_are_held_as_one_is(lab: Cloud) -> None:
    many = [f"v{number}" for number in range(1_200)]
    operation = start(Attach, "s", *many)
    with pytest.raises(ResourceBusy):
        start(Attach, "t", *many)
    lab.settle()
    assert (state_of(operation), Hold.objects.count()) == ("DONE", 0)


def test_one_that_is_taken_is_a_conflict_that_names_it_and_nothing_is_held(lab: Cloud) -> None:
    start(Snapshot, "v2")
    with pytest.raises(ResourceBusy) as refused:
        start(Attach, "s", "v1", "v2")
    assert refused.value.status == 409
    assert refused.value.message == "Another operation is at work on disk x v2."
    assert Operation.objects.count() == Hold.objects.count() == 1
    with pytest.raises(ResourceBusy, match="disk x v2"):  # a delete pre-empts its own alone
        start(DropServer, "s", "v2", preempt=True)
    check_invariants()


def test_whoever_takes_one_at_that_very_moment_is_named_too(lab: Cloud) -> None:
    start(Snapshot, "v1")
    operation = start(Snapshot, "v2")
    Hold.objects.filter(operation=operation).delete()
    with transaction.atomic(), pytest.raises(ResourceBusy, match="disk x v1"):
        holding.take(operation, [Resource("disk_x", "v0"), Resource("disk_x", "v1")])
    assert list(Hold.objects.values_list("resource_id", flat=True)) == ["v1"]


class Late:
    """A statement that something happens before, the first time: with row locks others commit between any two."""

    def __init__(self, statement: Prepared[Operation], happens: Callable[[], object]) -> None:
        self._statement, self._happens = statement, [happens]

    def rows(self, **given: Any) -> Sequence[Operation]:
        while self._happens:
            self._happens.pop()()
        return self._statement.rows(**given)


@pytest.mark.parametrize("preempt", [False, True], ids=["joins", "preempts"])
def test_who_comes_as_one_ends_finds_the_next_that_waited_for_it(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch, *, preempt: bool
) -> None:
    broken.add("wait")
    first = start(Refresh, "s")
    lab.pump()
    second = start(Refresh, "s")
    assert (state_of(first), state_of(second)) == ("WAITING", "QUEUED")
    broken.clear()
    lab.make_due()
    late = Late(holding._LOCKED, lambda: advance(first.id))
    monkeypatch.setattr(holding, "_LOCKED", late)
    third = start(DropServer if preempt else Refresh, "s", preempt=preempt)
    assert state_of(first) == "DONE"
    assert (third.id == second.id) is not preempt
    check_invariants()
    lab.settle()
    assert state_of(third) == "DONE"
    assert not Hold.objects.exists()


def test_of_two_that_come_at_once_one_joins_the_other(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster: list[Operation] = []

    def insert(*rows: Model, **options: Any) -> int:
        monkeypatch.undo()
        faster.append(start(Refresh, "s"))
        return prepared.insert(*rows, **options)

    monkeypatch.setattr(holding, "insert", insert)
    joined = start(Refresh, "s")
    assert [one.id for one in faster] == [joined.id]
    assert Operation.objects.count() == Hold.objects.count() == 1
    lab.settle()
    assert log == ["test.refresh_x:s"]


def test_whoever_is_always_slower_is_refused(lab: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    start(Refresh, "s")
    monkeypatch.setattr(holding, "holders", lambda _: {})
    with pytest.raises(ResourceBusy, match="server x s"):
        start(Refresh, "s")
    assert Operation.objects.count() == Hold.objects.count() == 1


def test_a_delete_preempts_who_holds_its_resource_among_others(lab: Cloud) -> None:
    broken.add("wait")
    attach = start(Attach, "s", "v")
    lab.pump()
    drop = start(Snapshot, "v", preempt=True)
    assert (state_of(drop), held_by(drop)) == ("QUEUED", [])
    assert start(Snapshot, "v", preempt=True).id == drop.id
    lab.settle()
    assert (state_of(attach), state_of(drop)) == ("UNDONE", "DONE")
    assert log == ["test.attach:s", "test.snapshot:v"]
    check_invariants()


def test_one_that_waits_goes_on_only_when_all_it_needs_is_free(lab: Cloud) -> None:
    broken.add("wait")
    attach = start(Attach, "s")
    lab.pump()
    drop = start(DropServer, "s", "v", preempt=True)
    other = start(Attach, "t", "v")  # takes the volume while the delete waits for the server
    for _ in range(2):
        lab.pump()
        lab.make_due()
        lab.sweep()
    assert (state_of(attach), state_of(drop)) == ("UNDONE", "QUEUED")
    assert Operation.objects.get(id=drop.id).after_id == other.id
    assert start(DropServer, "s", "v", preempt=True).id == drop.id
    check_invariants()
    broken.clear()
    lab.settle()
    assert (state_of(other), state_of(drop)) == ("DONE", "DONE")


def test_those_that_waited_for_different_things_of_one_go_on_together(lab: Cloud) -> None:
    broken.add("wait")
    start(Attach, "s", "v")
    lab.pump()
    drop, snapshot = start(DropServer, "s", preempt=True), start(Snapshot, "v", preempt=True)
    lab.make_due()
    lab.broker.is_down = True
    lab.sweep()
    assert {state_of(drop), state_of(snapshot)} == {"READY"}
    check_invariants()


def test_a_stuck_one_gives_way_to_a_delete_that_names_all_it_held(lab: Cloud) -> None:
    broken.update(("wait", "undo"))
    attach = start(Attach, "s", "v")
    lab.pump()
    Operation.objects.update(deadline_at=attach.created_at)
    lab.make_due()
    lab.sweep()
    assert state_of(attach) == "FAILED"
    waits = start(DropServer, "s", preempt=True)  # would leave the volume as it is
    assert (state_of(attach), state_of(waits)) == ("FAILED", "QUEUED")
    Operation.objects.filter(id=waits.id).delete()
    drop = start(DropServer, "s", "v", preempt=True)
    assert state_of(attach) == "UNDONE"
    assert held_by(drop) == [Resource("disk_x", "v"), Resource("server_x", "s")]
    lab.settle()
    assert state_of(drop) == "DONE"
    check_invariants()


def test_of_two_that_preempt_the_later_counts_and_the_first_does_nothing(lab: Cloud) -> None:
    broken.add("wait")
    attach = start(Attach, "s", "v")
    lab.pump()
    first = start(Attach, "s", "w", preempt=True)  # of the same kind, with another task
    assert (first.id == attach.id, state_of(first)) == (False, "QUEUED")
    assert start(Attach, "s", "w", preempt=True).id == first.id
    drop = start(DropServer, "s", preempt=True)
    assert start(DropServer, "s", preempt=True).id == drop.id
    check_invariants()
    log.clear()
    lab.settle()
    assert [state_of(one) for one in (attach, first, drop)] == ["UNDONE", "UNDONE", "DONE"]
    assert log == ["test.drop_server:s"]
    check_invariants()


def test_who_waited_for_a_stuck_one_does_nothing_after_the_delete_that_took_it_over(
    lab: Cloud,
) -> None:
    broken.update(("wait", "undo"))
    attach = start(Attach, "s", "v")
    lab.pump()
    Operation.objects.update(deadline_at=attach.created_at)
    lab.make_due()
    lab.sweep()
    waits = start(Attach, "s", "w", preempt=True)
    drop = start(DropServer, "s", "v", preempt=True)
    log.clear()
    lab.settle()
    assert [state_of(one) for one in (attach, drop, waits)] == ["UNDONE", "DONE", "UNDONE"]
    assert log == ["test.drop_server:s"]
    check_invariants()
