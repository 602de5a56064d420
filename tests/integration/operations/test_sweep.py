"""The sweep hands out what is due and waits for none of it (OPERATIONS 10 and 45)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from operations import epoch, hands, restored
from operations.hands import Hands
from operations.models import Operation, Service
from operations.saga import Run, Saga
from operations.saga import Step as Declared
from operations.sweep import Sweep, hand_out_due
from tests.builders.toy_host import Later

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
done: list[str] = []


def note(run: Run) -> None:
    if run.resource_id == "broken":
        raise SystemError("our own mistake")
    done.append(run.resource_id)


class Sort(Saga):
    kind = "test.sweep.sort"
    resource_type = "letter"
    steps = (Declared("note", note),)


@pytest.fixture
def slow() -> Later:
    done.clear()
    return Later()


def start(*letters: str) -> None:
    for letter in letters:
        with transaction.atomic():
            Sort.start(RequestContext.system(), resource_id=letter)


def let_pass(*, seconds: float) -> None:
    """Let what was started have been started so much earlier."""
    for row in Operation.objects.all():
        at = row.created_at - timedelta(seconds=seconds)
        Operation.objects.filter(id=row.id).update(created_at=at, next_at=at)


def test_what_was_just_started_is_left_to_the_doorbell_for_a_while(
    slow: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDWEB_TIME_SCALE", "1")
    start("a")
    sweep = Sweep(("conductor",), Hands(slow))
    found = []
    for seconds in (0, 1, 10):
        let_pass(seconds=seconds)
        sweep.tick()
        slow.run()
        found.append(list(done))
    assert found == [[], [], ["a"]]
    with transaction.atomic():  # nobody rings for what was to wait
        late = Sort.start(RequestContext.system(), resource_id="b", delay=timedelta(seconds=2))
    Operation.objects.filter(id=late.id).update(next_at=now())
    sweep.tick()
    slow.run()
    assert done == ["a", "b"]


def test_its_heartbeat_does_not_wait_for_what_it_handed_out(slow: Later) -> None:
    start("a", "b", "broken")
    let_pass(seconds=60)
    sweep = Sweep(("conductor",), Hands(slow))
    sweep.tick()
    sweep.tick()
    seen = Service.objects.get(domain="conductor")
    assert (seen.is_up, done) == (True, [])
    assert len(slow.jobs) == 4  # each once, and the look at services
    slow.run()
    assert sorted(done) == ["a", "b"]
    states = Operation.objects.values_list("resource_id", "state")
    assert dict(states) == {"a": "DONE", "b": "DONE", "broken": "WAITING"}
    Operation.objects.update(next_at=now() - timedelta(seconds=1))
    sweep.tick()
    assert len(slow.jobs) == 2  # the broken one is found again


def test_no_more_is_taken_than_can_be_held(slow: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands, "MOST", 3)
    start(*"abcde")
    held = Hands(slow)
    assert (hand_out_due(held), hand_out_due(held)) == (3, 0)
    slow.run()
    assert hand_out_due(held) == 2
    slow.run()
    assert sorted(done) == list("abcde")


def test_one_that_cannot_be_given_to_a_thread_is_let_go(slow: Later) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    start("a")
    held, submit = Hands(slow), slow.submit
    slow.submit = refuse  # type: ignore[method-assign]
    assert hand_out_due(held) == 0
    slow.submit = submit  # type: ignore[method-assign]
    assert hand_out_due(held) == 1


def test_it_writes_down_how_far_the_epochs_are(
    slow: Later, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(restored, "epoch_file", lambda: tmp_path / "epoch")
    start("a")
    assert hand_out_due(Hands(slow))
    slow.run()
    Sweep(("conductor",), Hands(slow)).tick()
    assert int((tmp_path / "epoch").read_text()) == epoch.current() > 0
