"""Questions to several hosts at once: who answers is heard, who does not costs the others nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudweb.agent import Agent, Function
from cloudweb.driver import DriverError
from cloudweb.rpc import Method
from operations.asking import HostDidNotAnswer, ask, ask_all
from operations.models import Answer
from operations.testing import Cloud, cloud
from operations.versions import HostTooOld
from tests.builders.toy_host import ASK, PLAY, Toy

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Speaker(Agent):
    """Answers a question with its name, or knows none."""

    def __init__(self, say: Callable[[Toy], Toy] | None) -> None:
        self._say = say

    def methods(self) -> Mapping[Method[Any], Function]:
        return {ASK: self._say} if self._say is not None else {PLAY: lambda toy, work: None}


def fails(toy: Toy) -> Toy:
    raise DriverError("It is lost.")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Cloud]:
    with cloud(tmp_path) as made:
        speakers: dict[str, Callable[[Toy], Toy] | None] = {
            "good": lambda toy: Toy(name=f"{toy.name} here"),
            "silent": lambda toy: toy,
            "old": None,
            "broken": fails,
            "down": lambda toy: toy,
        }
        for name, say in speakers.items():
            made.add_host(name, {"compute": Speaker(say)})
        yield made


def test_each_has_its_answer_or_what_keeps_it_from_one(
    lab: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.broker.lose = lambda queue, task, argument: queue == "compute.silent"
    lab.kill_host("down")
    clock = count()
    waiting = SimpleNamespace(sleep=lambda _: lab.pump(), monotonic=lambda: float(next(clock)))
    monkeypatch.setattr("operations.asking.time", waiting)
    names = ("good", "silent", "nobody", "old", "broken", "down", "good")
    answers = ask_all([ASK.order(host=name, resource_id="a", payload=Toy()) for name in names])
    found = [one["data"]["name"] if isinstance(one, dict) else type(one) for one in answers]
    assert found == [
        "ball here", HostDidNotAnswer, HostDidNotAnswer, HostTooOld, DriverError, HostDidNotAnswer,
        "ball here",
    ]  # fmt: skip
    assert not Answer.objects.exists()
    lab.broker.is_down = True
    with pytest.raises(HostDidNotAnswer):
        ask(ASK.order(host="good", resource_id="a", payload=Toy()))
    assert not Answer.objects.exists()
    assert ask_all([]) == []
