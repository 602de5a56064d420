"""Which moments of a saga are cases of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from operations.testing.cases import Case, Cases
from operations.testing.left import Left
from operations.testing.watch import Moment
from tests.example.operations.build_shelf import BuildShelf

HERE = Left(rows=1, disks="d", effects=1, messages=1, statements=1)


def moments(*left: Left | None) -> list[Moment]:
    """Return as many points that a worker passes after a commit, each with what is left there."""
    return [Moment(f"point{n}.after_commit", "do", -1, left=one) for n, one in enumerate(left)]


def names(cases: list[Case], word: str) -> list[str]:
    return [case.name.rpartition(" at ")[2] for case in cases if word in case.name]


def deaths(*left: Left | None) -> tuple[int, int]:
    """Return how many cases there are in which the worker dies, and in which all do."""
    found = [*Cases(BuildShelf, 0).forward(moments(*left))]
    everybody = len(names(found, "all others"))
    return len(names(found, "dies at")) - everybody, everybody


def test_deaths_that_leave_the_same_are_one_case() -> None:
    changed: dict[str, dict[str, Any]] = {
        "nothing": {},
        "rows": {"rows": 2},
        "disks": {"disks": "e"},
        "effects": {"effects": 2},
        "messages": {"messages": 2},
        "statements": {"statements": 2},
    }
    found = {what: deaths(HERE, replace(HERE, **facts)) for what, facts in changed.items()}
    assert found == {
        "nothing": (1, 1),
        "rows": (2, 2),
        "disks": (2, 2),
        "effects": (2, 2),
        "messages": (2, 1),  # where all die none of them arrives
        "statements": (1, 1),  # what it had read dies with it
    }
    assert deaths(None, None) == (2, 2)  # nobody looked


def test_who_goes_on_is_another_after_each_statement() -> None:
    def preempted(*left: Left) -> list[str]:
        cases = Cases(BuildShelf, 0).preempted(moments(*left), lambda _moment, _place: None, {})
        return names([*cases], "pre-empted")

    assert preempted(HERE, HERE) == ["point0.after_commit"]
    read = replace(HERE, statements=2)
    assert preempted(HERE, read) == ["point0.after_commit", "point1.after_commit"]


def test_the_death_of_a_host_is_not_that_of_a_worker() -> None:
    worker, host = moments(HERE, HERE)
    found = [*Cases(BuildShelf, 0).forward([worker, replace(host, point="reply.before")])]
    assert len(names(found, "dies at")) == 3  # each alone, and all together
