"""A step that is another operation: it starts, ends and is taken back with its parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from cloudweb import killpoints
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.driver import DriverError
from cloudweb.topics import DOORBELL
from operations.manager import OperationManager
from operations.models import Operation, Service, Step
from operations.saga import Child, Saga, StepFailed
from operations.saga import Step as Declared
from operations.testing import Cloud, check_invariants, cloud, unpaid_debts
from tests.builders.family import (
    DropHouse,
    DropRoom,
    MakeHouse,
    MakeRoom,
    RoomAgent,
    World,
    new_world,
)
from tests.builders.identity import make_member

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world() -> World:
    return new_world()


@pytest.fixture
def lab(tmp_path: Path, world: World) -> Iterator[Cloud]:
    with cloud(tmp_path) as made:
        made.add_host("h1", {"compute": RoomAgent()})
        yield made


def start(saga: type[Saga] = MakeHouse, name: str = "a", *, preempt: bool = False) -> Operation:
    with transaction.atomic():
        return saga.start(
            RequestContext.system(project_id="p", request_id="req-1"),
            resource_id=name,
            preempt=preempt,
        )


def states() -> dict[str, str]:
    rows = Operation.objects.order_by("created_at").values_list("kind", "state")
    return {kind.removeprefix("test."): state for kind, state in rows}


def row_of(operation: Operation, direction: str = "do") -> Step:
    return Step.objects.get(operation=operation, name="add_room", direction=direction)


def deaf(lab: Cloud) -> Callable[[], None]:
    """Let no order reach the host; return what lets them through again."""
    lab.broker.lose = lambda queue, _task, _argument: queue == "compute.h1"

    def hears() -> None:
        lab.broker.lose = lambda *_: False

    return hears


@contextmanager
def at(point: str, act: Callable[[], object]) -> Iterator[None]:
    """Let something happen when this point is passed for the first time."""
    passed: list[str] = []

    def reach(here: str, place: Any) -> None:
        if here == point and not passed:
            passed.append(here)
            act()

    before = killpoints.watch(reach)
    try:
        yield
    finally:
        killpoints.watch(before)
        assert passed


def test_the_outcome_of_the_child_is_the_result_of_the_step(lab: Cloud, world: World) -> None:
    parent = start()
    lab.settle()
    assert states() == {"make_house": "DONE", "make_room": "DONE"}
    child = Operation.objects.get(kind="test.make_room")
    row = row_of(parent)
    assert (row.child_id, child.parent_step_id, child.request_id) == (child.id, row.id, "req-1")
    assert row.result["results"]["paint_room"] == {"colour": "red"}
    assert (row.result["resource_type"], row.result["resource_id"]) == ("room", "a-room")
    assert world.log == [
        "plan_house",
        "plan_room",
        "make",
        "paint",
        "done:{'colour': 'red'}",
        "move_in",
    ]
    check_invariants()


def test_a_parent_that_waits_is_woken_by_the_end_itself(lab: Cloud) -> None:
    hears = deaf(lab)
    parent = start()
    lab.pump()
    assert Operation.objects.get(id=parent.id).state == "WAITING"
    check_invariants()
    hears()
    lab.broker.lose = lambda queue, task, argument: queue == DOORBELL  # nobody rings
    child = Operation.objects.get(kind="test.make_room")
    Operation.objects.filter(id=child.id).update(next_at=now())
    Step.objects.filter(operation=child).update(cast_at=now() - timedelta(hours=1))  # it was lost
    Service.objects.update(taken_at=now())
    lab.sweep()
    lab.pump()
    assert not Operation.objects.get(id=child.id).is_live
    found = Operation.objects.get(id=parent.id)
    assert found.state in ("READY", "DONE")
    assert found.state == "DONE" or found.next_at <= now()


def test_a_failure_of_the_child_is_the_failure_of_the_step(lab: Cloud, world: World) -> None:
    world.faults["make"] = [DriverError("No bricks are left.")]
    parent = start()
    lab.settle()
    found = Operation.objects.get(id=parent.id)
    assert (found.state, found.error_public) == ("UNDONE", "No bricks are left.")
    assert states() == {"make_house": "UNDONE", "make_room": "UNDONE", "drop_room": "DONE"}
    assert not world.rooms
    check_invariants()


def test_a_later_failure_takes_the_child_s_resource_away(lab: Cloud, world: World) -> None:
    world.faults["move_in"] = [StepFailed("Rain.")]
    start()
    lab.settle()
    assert states() == {"make_house": "UNDONE", "make_room": "DONE", "drop_room": "DONE"}
    assert not world.rooms


def test_a_delete_of_the_parent_takes_the_running_child_back(lab: Cloud, world: World) -> None:
    hears = deaf(lab)
    start()
    lab.pump()
    start(DropHouse, preempt=True)
    hears()
    lab.settle()
    assert states() == {
        "make_house": "UNDONE",
        "make_room": "UNDONE",
        "drop_house": "DONE",
        "drop_room": "DONE",
    }
    assert not world.rooms
    assert "done:{" not in " ".join(world.log)
    check_invariants()


def test_a_parent_that_was_preempted_meanwhile_starts_no_child(
    lab: Cloud, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.engine.LONG", 0)  # somebody comes between two moves
    with at("local.after_commit", lambda: start(DropHouse, preempt=True)):
        start()
        lab.settle()
    assert states() == {"make_house": "UNDONE", "drop_house": "DONE", "drop_room": "DONE"}


def test_the_deadline_of_the_parent_is_the_child_s(lab: Cloud, world: World) -> None:
    hears = deaf(lab)
    parent = start()
    lab.pump()
    Operation.objects.filter(id=parent.id).update(deadline_at=now())
    hears()
    lab.settle()
    found = Operation.objects.get(id=parent.id)
    assert (found.state, found.error_code) == ("UNDONE", "timeout")
    assert states()["make_room"] == "UNDONE"
    assert not world.rooms


def test_who_deletes_the_child_s_resource_fails_the_parent(lab: Cloud, world: World) -> None:
    hears = deaf(lab)
    parent = start()
    lab.pump()
    drop = start(DropRoom, "a-room", preempt=True)
    hears()
    lab.settle()
    found = Operation.objects.get(id=parent.id)
    assert (found.state, found.error_code) == ("UNDONE", "child_preempted")
    assert found.error_public == "Another operation on room a-room took precedence."
    assert Operation.objects.get(id=drop.id).state == "DONE"
    assert not world.rooms


def test_an_undo_joins_a_delete_that_is_under_way(lab: Cloud, world: World) -> None:
    hears: list[Callable[[], None]] = []

    def somebody_deletes_it() -> None:
        hears.append(deaf(lab))
        start(DropRoom, "a-room", preempt=True)

    world.faults["move_in"] = [StepFailed("Rain.")]
    parent = start()
    with at("end.after_commit", somebody_deletes_it):  # the child's
        lab.pump()
    assert row_of(parent, "undo").result["joined"] is True
    hears[0]()
    lab.settle()
    assert states() == {"make_house": "UNDONE", "make_room": "DONE", "drop_room": "DONE"}
    assert Operation.objects.count() == 3


def test_a_stuck_child_is_shown_and_the_operator_s_retry_of_its_parent_reaches_it(
    lab: Cloud, world: World
) -> None:
    world.faults["paint"] = [StepFailed("No paint.")]
    world.faults["break"] = [DriverError("stuck")]
    parent = start()
    lab.pump()
    assert states() == {"make_house": "WAITING", "make_room": "FAILED"}
    assert "operator" in row_of(parent).progress_text
    check_invariants()
    OperationManager(RequestContext.system()).retry(parent.id)
    lab.pump()
    lab.settle()
    assert Operation.objects.get(id=parent.id).error_public == "No paint."
    assert states() == {"make_house": "UNDONE", "make_room": "UNDONE", "drop_room": "DONE"}


def test_a_stuck_child_gives_way_to_a_delete_and_its_parent_hears_of_it(
    lab: Cloud, world: World
) -> None:
    world.faults["paint"] = [StepFailed("No paint.")]
    world.faults["break"] = [DriverError("stuck")]
    parent = start()
    lab.pump()
    start(DropRoom, "a-room", preempt=True)
    lab.pump()
    found = Operation.objects.get(id=parent.id)  # no time had to pass
    assert (found.direction, found.error_code) == ("undo", "child_preempted")
    lab.settle()
    assert states() == {"make_house": "UNDONE", "make_room": "UNDONE", "drop_room": "DONE"}


def test_an_undo_that_is_no_child_waits_until_a_running_one_has_turned_back(
    lab: Cloud, world: World
) -> None:
    class Local(MakeHouse):
        kind = "test.local_undo"
        steps = (
            Declared(
                "add_room",
                lambda run: Child(MakeRoom, "b-room"),
                undo=lambda run: world.note(f"local undo, rooms {sorted(world.rooms)}"),
            ),
        )

    class Bare(MakeHouse):
        kind = "test.bare"
        steps = (Declared("add_room", lambda run: Child(MakeRoom, "c-room")),)

    for saga, name in ((Local, "b"), (Bare, "c")):
        world.log.clear()
        hears = deaf(lab)
        parent = start(saga, name)
        lab.pump()
        Operation.objects.filter(id=parent.id).update(deadline_at=now())
        hears()
        lab.settle()
        assert set(states().values()) == {"UNDONE"}
        assert not world.rooms
        undone = ["local undo, rooms []"] if saga is Local else []
        assert world.log[-2 - len(undone) :] == ["room undone:gave way", *undone, "undone:timeout"]
    check_invariants()


def test_a_child_about_what_its_parent_holds_is_a_bug_that_is_shown(lab: Cloud) -> None:
    class Circular(MakeHouse):
        kind = "test.circular"
        steps = (Declared("again", lambda run: Child(MakeHouse, run.resource_id)),)

    parent = start(Circular)
    lab.settle()
    found = Operation.objects.get(id=parent.id)
    assert (found.state, found.error_code) == ("UNDONE", "internal_error")
    assert "house a" in found.error_detail


def test_both_are_forgotten_together_and_each_alone(lab: Cloud) -> None:
    start()
    start(name="b")
    lab.settle()
    old = now() - timedelta(days=91)
    Operation.objects.filter(resource_id__in=("a", "a-room", "b")).update(finished_at=old)
    OperationManager(RequestContext.system()).forget_old()
    left = Operation.objects.get()
    assert (left.resource_id, left.parent_step) == ("b-room", None)


def test_parent_and_child_link_to_each_other(lab: Cloud) -> None:
    operator = Client()
    operator.force_login(make_member("admin"), backend="identity.backends.SqlBackend")
    parent = start()
    lab.settle()
    child = Operation.objects.get(kind="test.make_room")
    for one, other in ((parent, child), (child, parent)):
        page = operator.get(f"/admin/operations/operation/{one.id}/change/").content.decode()
        assert f'href="/admin/operations/operation/{other.id}/change/"' in page


class Death(BaseException):
    """The process is gone; only the rows and the host's disk are left."""


def _run(lab: Cloud, world: World, *, name: str, fails: bool, dies_at: int | None) -> list[str]:
    """Make a house with every point noted, dying at the n-th; return the points."""
    passed: list[str] = []
    if fails:
        world.faults["move_in"] = [StepFailed("Rain.")]

    def reach(point: str, place: Any) -> None:
        if point.partition(".")[0] not in ("start", "child", "wake", "end"):
            return
        passed.append(point)
        if len(passed) - 1 == dies_at:
            raise Death

    before = killpoints.watch(reach)
    try:
        with suppress(Death):
            start(name=name)
        for _ in range(60):
            try:
                lab.settle(1)
                break
            except (Death, AssertionError):
                continue
    finally:
        killpoints.watch(before)
    check_invariants()
    return passed


@pytest.mark.parametrize("fails", [False, True])
def test_death_at_every_point_changes_nothing(lab: Cloud, world: World, fails: bool) -> None:
    points = _run(lab, world, name="h", fails=fails, dies_at=None)
    assert {"child.before_commit", "child.after_commit", "wake.before_commit"} <= set(points)
    skipped = 0
    ends = Counter[str]()
    for number, point in enumerate(points):
        name = f"h{number}"
        died = _run(lab, world, name=name, fails=fails, dies_at=number)
        assert died[number] == point
        parent = Operation.objects.filter(resource_id=name).first()
        if parent is None:  # it died before anything was recorded
            skipped += 1
            continue
        ends[parent.state] += 1
        kept = set() if fails else {f"{name}-room"}
        assert {room for room in world.rooms if room.startswith(f"{name}-")} == kept, point
        world.faults.clear()
    assert skipped == 1
    assert ends == {"UNDONE" if fails else "DONE": len(points) - 1}
    assert not Operation.objects.exclude(state__in=("DONE", "UNDONE")).exists()
    assert unpaid_debts() == 0
