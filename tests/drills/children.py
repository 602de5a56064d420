"""How a saga with a child is drilled, on the sample of ``tests/builders/family.py``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from operations.saga import Saga
from operations.testing import Cloud, Drill, cloud
from tests.builders import family
from tests.builders.family import DropHouse, MakeHouse, RoomAgent


@dataclass
class World:
    """A cloud with a host that makes rooms."""

    cloud: Cloud

    def add_host(self, name: str) -> None:
        """Start it; its rooms are there as they were."""
        self.cloud.add_host(name, {"compute": RoomAgent()})


@contextmanager
def building_site(directory: Path) -> Iterator[World]:
    """Run a block on a building site."""
    with cloud(directory) as running:
        made = World(running)
        made.add_host("h1")
        yield made


def start(saga: type[Saga], *, preempt: bool = False) -> None:
    """Start about the one house there is."""
    with transaction.atomic():
        saga.start(RequestContext.system(project_id="p"), resource_id="a", preempt=preempt)


def begin(_made: World, _subject: Any) -> None:
    """Start building on empty ground."""
    family.new_world()
    start(MakeHouse)


def census(_made: World, _subject: Any) -> dict[str, Any]:
    """Count houses and rooms."""
    return {"houses": len(family.world.houses), "rooms": len(family.world.rooms)}


DRILLS = (
    Drill(
        saga=MakeHouse,
        world=building_site,
        start=begin,
        census=census,
        done={"houses": 1, "rooms": 1},
        undone={"houses": 0, "rooms": 0},
        preempt=lambda made, _: start(DropHouse, preempt=True),
        preempted={"houses": 0, "rooms": 0},
    ),
)
