"""What ``@periodic`` declares, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cloudweb.manager import Manager
from cloudweb.periodic import TASKS, Registry, marked, periodic


def declare(**body: Any) -> type:
    return type("Tides", (), {**body, "__module__": "harbour.manager", "__qualname__": "Tides"})


@periodic(every=timedelta(minutes=2))
def read_tides(self: object) -> None:
    """Read the tides.

    All of them.
    """


def test_a_marked_method_is_a_task_by_the_name_of_its_app_and_its_own() -> None:
    kind = declare(read_tides=read_tides, other=lambda self: None)
    registry = Registry()
    registry.add(kind)
    (task,) = registry.all()
    assert (task.name, task.every, task.does) == ("harbour.read_tides", 120, "Read the tides.")
    assert registry.get("harbour.read_tides") is task
    unknown = ("harbour.other", "os.system", None, ["harbour.read_tides"], {"a": 1})
    assert [registry.get(name) for name in unknown] == [None] * 5


def test_a_name_is_one_tasks_alone() -> None:
    registry = Registry()
    registry.add(declare(read_tides=read_tides))
    registry.add(declare(read_tides=read_tides))  # the same class, imported again
    with pytest.raises(TypeError, match=r"harbour\.read_tides"):
        registry.add(
            type("Sluices", (), {"read_tides": read_tides, "__module__": "harbour.sluices"})
        )


@pytest.mark.parametrize("every", [0, -1, 0.5, 90.5, 400 * 86400, timedelta(milliseconds=1)])
def test_an_impossible_interval_is_refused(every: Any) -> None:
    with pytest.raises(ValueError, match="whole seconds"):
        periodic(every=every)


def test_a_task_says_what_it_does() -> None:
    silent = periodic(every=1)(lambda self: None)
    with pytest.raises(TypeError, match="docstring"):
        list(marked(declare(silent=silent), prefix="harbour"))


def test_managers_declare_theirs_by_being_managers() -> None:
    class HarbourManager(Manager):
        @periodic(every=3)
        def dredge_for_a_test(self) -> None:
            """Dredge."""

    task = TASKS.get(f"{__name__.partition('.')[0]}.dredge_for_a_test")
    try:
        assert task is not None
        assert task.owner is HarbourManager
    finally:
        TASKS._tasks.pop(task.name if task else "", None)
