"""What is told of operations: what was done, and what was taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import transaction

from cloudweb.context import RequestContext
from operations.history import operations_of
from operations.saga import NEEDLESS, Run, Saga, Step, StepFailed
from operations.testing import cloud

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def fail(_run: Run) -> None:
    raise StepFailed("No.")


class Half(Saga):
    """Has nothing to do in one of its steps, and fails in the last."""

    kind = "test.half"
    resource_type = "test_half"
    steps = (
        Step("spared", lambda _run: NEEDLESS, undo=lambda _run: None),
        Step("done", lambda _run: None, undo=lambda _run: None),
        Step("fails", fail),
    )


def test_what_was_not_needed_is_not_taken_back_either(tmp_path: Path) -> None:
    with cloud(tmp_path) as made:
        with transaction.atomic():
            Half.start(RequestContext.system(), resource_id="half")
        made.settle()
    (entry,) = operations_of("test_half", "half")
    told = [(step.direction, step.name) for step in entry.steps]
    assert (entry.state, sorted(told)) == (
        "UNDONE",
        [("do", "done"), ("do", "fails"), ("undo", "done")],
    )
