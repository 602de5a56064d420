"""A saga with a child, on fake hosts: a house that has a room built for it, which a host makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from cloudweb.agent import Agent, Function
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from operations.saga import Child, Run, Saga, Step


class Room(VersionedObject):
    """What the host is told."""

    VERSION: ClassVar[str] = "1.0"

    id: str


MAKE = Method("compute.test_make_room", Room, Room)
BREAK = Method("compute.test_break_room", Room, urgent=True)


class World:
    """What there is, what happened, and what shall go wrong at which word."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.rooms: set[str] = set()  # on the host
        self.houses: set[str] = set()
        self.faults: dict[str, list[Exception]] = {}
        self.hooks: dict[str, Callable[[], object]] = {}

    def note(self, word: str) -> None:
        self.log.append(word)
        if word in self.hooks:
            self.hooks.pop(word)()
        if self.faults.get(word):
            raise self.faults[word].pop(0)


world = World()


def new_world() -> World:
    """Forget all that was; return what is now."""
    world.__init__()  # type: ignore[misc]
    return world


class RoomAgent(Agent):
    """The host's side."""

    def methods(self) -> Mapping[Method[Any], Function]:
        return {MAKE: self.test_make_room, BREAK: self.test_break_room}

    def test_make_room(self, room: Room, work: Any) -> Room:
        work.checkpoint()
        world.note("make")
        world.rooms.add(room.id)
        return room

    def test_break_room(self, room: Room, work: Any) -> None:
        work.checkpoint()
        world.note("break")
        world.rooms.discard(room.id)


def order(method: Method[Room]) -> Callable[[Run], Any]:
    return lambda run: method.order(
        host="h1", resource_id=run.resource_id, payload=Room(id=run.resource_id)
    )


class MakeRoom(Saga):
    """The child: a host makes a room."""

    kind = "test.make_room"
    resource_type = "room"
    steps = (
        Step("plan_room", lambda run: world.note("plan_room"), undo=lambda run: None),
        Step("make_room", order(MAKE), undo=order(BREAK)),
        Step("paint_room", lambda run: world.note("paint") or {"colour": "red"}),
    )

    @classmethod
    def on_undone(cls, run: Run, failure: Any) -> None:
        world.note(f"room undone:{failure.code if failure else 'gave way'}")

    @classmethod
    def on_stuck(cls, run: Run, failure: Any) -> None:
        world.note("room stuck")


class DropRoom(Saga):
    """What the parent's undo has done as a child."""

    kind = "test.drop_room"
    resource_type = "room"
    steps = (Step("drop_room", order(BREAK)),)


class MakeHouse(Saga):
    """The parent."""

    kind = "test.make_house"
    resource_type = "house"
    steps = (
        Step("plan_house", lambda run: world.note("plan_house"), undo=lambda run: None),
        Step(
            "add_room",
            lambda run: Child(MakeRoom, f"{run.resource_id}-room", {"of": run.resource_id}),
            undo=lambda run: Child(DropRoom, f"{run.resource_id}-room"),
            done=lambda run, answers: world.note(f"done:{answers[0]['results']['paint_room']}"),
        ),
        Step("move_in", lambda run: world.note("move_in")),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        world.houses.add(run.resource_id)

    @classmethod
    def on_undone(cls, run: Run, failure: Any) -> None:
        world.note(f"undone:{failure.code if failure else 'gave way'}")


class DropHouse(Saga):
    """What pre-empts the parent, or takes down what it has built."""

    kind = "test.drop_house"
    resource_type = "house"
    steps = (
        Step("drop_room", lambda run: Child(DropRoom, f"{run.resource_id}-room")),
        Step("drop_house", lambda run: world.houses.discard(run.resource_id)),
    )
