"""Build a shelf: its boards are cut, and it is put up."""

from __future__ import annotations

from typing import Any

from operations.saga import Failure, Job, Run, Saga, Step
from tests.example.models import Shelf
from tests.example.states import ERROR, READY

BOARDS = 5


def cut_boards(run: Run) -> dict[str, Any]:
    """Take the boards."""
    Shelf.objects.filter(id=run.resource_id).update(boards=BOARDS)
    return {"boards": BOARDS}


def give_boards_back(run: Run) -> None:
    """Leave none, whether they were cut or not."""
    Shelf.objects.filter(id=run.resource_id).update(boards=0)


def put_up(_run: Run) -> Job:
    """Work that is no SQL, in a thread."""
    return Job(lambda running: running.check())


class BuildShelf(Saga):
    """Build a shelf of which there is a row alone."""

    kind = "example.build_shelf"
    resource_type = "shelf"
    steps = (
        Step("cut_boards", cut_boards, undo=give_boards_back),
        Step("put_up", put_up),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It stands."""
        Shelf.objects.filter(id=run.resource_id).update(status=READY)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It does not."""
        Shelf.objects.filter(id=run.resource_id).update(status=ERROR)
