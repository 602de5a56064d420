"""An operation keeps the plan that it started with, whatever the steps of its saga are by now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from cloudweb.context import RequestContext
from operations.models import Operation, Step
from operations.saga import Run, Saga, StepFailed
from operations.saga import Step as Declared
from operations.testing import Cloud, check_invariants, cloud

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
done: list[str] = []


def step(name: str, *, fails: bool = False) -> Declared:
    def do(run: Run) -> dict[str, Any]:
        if fails:
            raise StepFailed("No.")
        done.append(name)
        return {"made": name, "seen": [*run.results]}

    def undo(run: Run) -> None:
        done.append(f"un{name}")
        assert (run.result or {"made": name})["made"] == name

    return Declared(name, do, undo=undo)


class Before(Saga):
    """As the release before had it."""

    resource_type = "thing"
    steps = (step("claim"), step("measure"), step("build"))
    retry_from = "claim"


class After(Saga):
    """One step is new, one is gone, and one comes later."""

    kind = "test.stored_plan"
    resource_type = "thing"
    version = 2
    steps = (step("look"), step("claim"), step("build"), step("paint"))
    retired = (step("measure"),)
    retry_from = "claim"


Before.kind = After.kind


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Cloud]:
    done.clear()
    with cloud(tmp_path) as made:
        yield made


def stored(saga: type[Saga] = Before) -> Operation:
    with transaction.atomic():
        return saga.start(RequestContext.system(project_id="p"), resource_id="a")


def test_a_stored_plan_is_finished_as_it_was_planned(lab: Cloud) -> None:
    operation = stored()
    lab.settle()
    operation.refresh_from_db()
    assert (operation.state, operation.version) == ("DONE", 1)
    assert done == ["claim", "measure", "build"]
    results = Step.objects.order_by("seq").values_list("name", "result")
    assert [(name, result["made"]) for name, result in results] == [(one, one) for one in done]
    assert Step.objects.get(name="build").result["seen"] == ["claim", "measure"]


def test_it_is_undone_as_it_was_planned(lab: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails(After):
        steps = (*After.steps[:2], step("build", fails=True), step("paint"))

    monkeypatch.setitem(Saga.REGISTRY, After.kind, Fails)
    operation = stored()
    lab.settle()
    operation.refresh_from_db()
    assert (operation.state, done) == (
        "UNDONE",
        ["claim", "measure", "unbuild", "unmeasure", "unclaim"],
    )
    check_invariants()


def test_a_new_one_has_the_new_plan(lab: Cloud) -> None:
    operation = stored(After)
    lab.settle()
    operation.refresh_from_db()
    assert (operation.state, operation.version) == ("DONE", 2)
    assert done == ["look", "claim", "build", "paint"]


def test_a_plan_of_a_newer_release_is_left_to_its_workers(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = stored(After)
    monkeypatch.setitem(Saga.REGISTRY, After.kind, Before)
    for _ in range(3):
        lab.pass_time()
    operation.refresh_from_db()
    assert (operation.state, done) == ("WAITING", [])
    monkeypatch.setitem(Saga.REGISTRY, After.kind, After)
    lab.settle()
    operation.refresh_from_db()
    assert (operation.state, done[-1]) == ("DONE", "paint")
