"""Write docs/states.md from the state tables: what may be done to a resource, and from where.

``--check`` writes nothing and fails when the page is not what the tables say.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "states.md"
#: What has a state table: its name, its app, the classes of its states and tasks.
TABLES = (("Servers", "instances", "VmState", "TaskState"),)
HEAD = """# States

Generated from the state tables by `docs/states.py` (`make docs`); a test fails when it is not current.

A filled circle: the action may start. A number: only while the task of that note is under way, or
none. Everything else is refused with 409; what is deleted is not found.
"""


def main(argv: list[str]) -> int:
    """Write or check the page; return the exit code."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudweb.settings.test")
    text = page()
    if "--check" in argv:
        if PAGE.exists() and PAGE.read_text() == text:
            return 0
        sys.stderr.write("docs/states.md is not what the tables say: run docs/states.py\n")
        return 1
    PAGE.write_text(text)
    return 0


def page() -> str:
    """Return the whole page."""
    import django

    django.setup()
    return "\n".join([HEAD, *("\n".join(_table(*table)) for table in TABLES)])


def _table(title: str, app: str, states: str, tasks: str) -> Iterator[str]:
    module = importlib.import_module(f"{app}.states")
    actions = importlib.import_module(f"{app}.actions").ACTIONS.values()
    vm_states = [state.value for state in getattr(module, states)]
    live = [state for state in vm_states if state != "deleted"]
    every_task = {None, *(task.value for task in getattr(module, tasks))}
    notes: dict[str, int] = {}
    yield f"## {title}\n"
    yield f"`{app}/actions/`, `{app}/states.py`\n"
    yield f"| action | {' | '.join(live)} | shows while it runs | takes the resource |"
    yield f"|---|{':-:|' * len(live)}---|---|"
    for action in actions:
        if action.mode.value == "reading":
            continue
        cells = []
        for state in live:
            free = {task for task in every_task if action.allows(state, task)}
            cells.append(_cell(free, every_task, notes))
        shown = ", ".join(f"`{task}`" for task in action.shows)
        yield f"| {action.name} | {' | '.join(cells)} | {shown} | {action.mode.value} |"
    yield ""
    yield from _notes(notes)
    yield from _requests(actions)
    yield "| status | shown for |"
    yield "|---|---|"
    for word, pairs in _statuses(module, vm_states, every_task).items():
        yield f"| {word} | {', '.join(pairs)} |"
    yield ""


def _requests(actions: Iterable[Any]) -> Iterator[str]:
    """Tell how each action is asked for, and by whom."""
    yield "| action | key of POST …/action | microversions | policy | who may | once it ran | while locked |"
    yield "|---|---|---|---|---|---|---|"
    for action in actions:
        key = f"`{action.wire}`" if action.wire else ""
        who, ran = action.rule.__name__.replace("_", " "), "only" if action.ran else ""
        locked = "too" if action.while_locked else "operators"
        versions, policy = str(action.versions).rstrip("."), f"`{action.policy}`"
        cells = (action.name, key, versions, policy, who, ran, locked)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _cell(free: set[str | None], every_task: set[str | None], notes: dict[str, int]) -> str:
    if not free:
        return ""
    if free == every_task:
        return "●"
    text = ", ".join(f"`{task}`" for task in sorted(task for task in free if task)) or "no task"
    return f"●<sup>{notes.setdefault(text, len(notes) + 1)}</sup>"


def _notes(notes: Mapping[str, int]) -> Iterator[str]:
    for text, number in notes.items():
        more = "only while nothing is under way" if text == "no task" else f"no task, or {text}"
        yield f"{number}. {more}"
    yield ""


def _statuses(module: object, vm_states: list[str], tasks: set[str | None]) -> dict[str, list[str]]:
    status_of = module.status_of  # type: ignore[attr-defined]
    found: dict[str, list[str]] = {}
    for state in vm_states:
        usual = status_of(state, None)
        found.setdefault(usual, []).append(f"`{state}`")
        for task in sorted(task for task in tasks if task):
            word = status_of(state, task)
            if word != usual:
                found.setdefault(word, []).append(f"`{state}` while `{task}`")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
