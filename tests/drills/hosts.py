"""How the power of hosts is drilled: a job that asks a machine that is nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cloudweb.database.clock import now
from compute.fencing.fake import FakeFence
from compute.manager import HostFenceManager
from compute.models import HostFailure, HostFence
from compute.operations import PowerHost
from operations.models import Service
from operations.testing import Cloud, Drill, cloud
from tests.builders.compute import make_context, make_host


@dataclass
class Room:
    """A cloud of one host, which says nothing any more."""

    cloud: Cloud

    def add_host(self, name: str) -> None:
        """There is none that runs."""
        raise AssertionError(name)

    @property
    def fences(self) -> HostFenceManager:
        """An operator's way to its power."""
        return HostFenceManager(make_context(roles=frozenset({"admin"})))


@contextmanager
def dark_room(directory: Path) -> Iterator[Room]:
    """Run a block with it."""
    directory.mkdir()
    with cloud(directory) as made:
        make_host("h1")
        Service.objects.filter(topic="compute.h1").update(last_seen_at=now() - timedelta(minutes=5))
        room = Room(made)
        room.fences.configure("h1", kind="fake")
        yield room


def switch_off(made: Room, _subject: Any) -> None:
    """Cut its power, which it has before."""
    FakeFence.machines.powers["h1"] = "on"
    made.fences.power("h1", "off")


def census(_made: Room, _subject: Any) -> dict[str, Any]:
    """Tell what is known of its power and of its death."""
    row = HostFence.objects.get()
    return {"power": row.power, "deaths": HostFailure.objects.count(), "error": bool(row.error)}


DRILLS = (
    Drill(
        saga=PowerHost,
        world=dark_room,
        start=switch_off,
        census=census,
        done={"power": "off", "deaths": 1, "error": False},
        undone={"deaths": 0},
    ),
)
