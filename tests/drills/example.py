"""How the example's saga is drilled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudweb.context import RequestContext
from operations.testing import Cloud, Drill, cloud
from tests.builders.identity import make_context, make_member
from tests.example.manager import ShelfManager
from tests.example.models import Shelf
from tests.example.operations.build_shelf import BOARDS, BuildShelf


@dataclass
class World:
    """A cloud without hosts, and who builds in it."""

    cloud: Cloud
    context: RequestContext

    def add_host(self, name: str) -> None:
        """There is none."""
        raise AssertionError(name)


@contextmanager
def workshop(directory: Path) -> Iterator[World]:
    """Run a block where shelves are built."""
    directory.mkdir()
    with cloud(directory) as made:
        yield World(made, make_context(make_member("member")))


def census(_made: World, _subject: Any) -> dict[str, Any]:
    """Tell how every shelf is, and how many boards it has."""
    return {"shelves": sorted(Shelf.objects.values_list("status", "boards"))}


DRILLS = (
    Drill(
        saga=BuildShelf,
        world=workshop,
        start=lambda made, _: ShelfManager(made.context).create(name="oak"),
        census=census,
        done={"shelves": [("READY", BOARDS)]},
        undone={"shelves": [("ERROR", 0)]},
    ),
)
