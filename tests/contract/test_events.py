"""News goes upwards only, has a type, and somebody hears it."""

from __future__ import annotations

import ast
import dataclasses
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from cloudweb.events import Event, subscribers

ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "operations", "audit", "reconciliation", "identity", "network", "compute", "image", "volume",
    "instances", "databases", "dashboard",
)  # fmt: skip


def events() -> list[type[Event]]:
    """Return every event that an app declares."""
    modules = [
        import_module(f"{app}.events") for app in APPS if (ROOT / app / "events.py").exists()
    ]
    return [
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, Event)
        and found.__module__ == module.__name__
    ]


def emitters() -> dict[str, set[str]]:
    """Return the modules that emit each event, by the name of its class."""
    found = defaultdict(set)
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            for name in _emitted_in(path):
                found[name].add(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def _emitted_in(path: Path) -> Iterator[str]:
    text = path.read_text()
    for node in ast.walk(ast.parse(text)) if "emit(" in text else ():
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "emit"
        ):
            (event,) = node.args
            assert isinstance(event, ast.Call), (
                f"{path}: what is emitted is made where it is emitted"
            )
            assert isinstance(event.func, ast.Name)
            yield event.func.id


def height(module: str) -> int:
    """Return how far up an app is; apps of one height do not know each other."""
    if module.startswith("tests.example."):
        return 1  # above all
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = contracts["contracts"][0]["layers"]
    return -next(
        number
        for number, layer in enumerate(layers)
        if module.split(".")[0] in layer.replace(" ", "").split("|")
    )


def test_events_have_fields_and_cross_apps_upwards_only(capsys: pytest.CaptureFixture[str]) -> None:
    heard, sent = subscribers(), emitters()
    with capsys.disabled():
        for event in events():
            hears = ", ".join(f"{one.__module__}.{one.__name__}" for one in heard.get(event, ()))
            print(
                f"\n  {event.__module__}.{event.__name__}: {', '.join(sent[event.__name__])} -> {hears}",
                end="",
            )
    wrong = {
        "no frozen dataclass": [e for e in events() if not dataclasses.is_dataclass(e)],
        "nobody emits": [e for e in events() if not sent[e.__name__]],
        "nobody hears": [e for e in events() if not heard.get(e)],
        "emitted by another app": [
            e
            for e in events()
            if {module.split(".")[0] for module in sent[e.__name__]} - {e.__module__.split(".")[0]}
        ],
        "not upwards": [
            (e, one.__module__)
            for e in events()
            for one in heard.get(e, ())
            if height(one.__module__) <= height(e.__module__)
        ],
    }
    assert {name: found for name, found in wrong.items() if found} == {}
