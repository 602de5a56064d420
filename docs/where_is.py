"""Write docs/where-is.md from the code: which file answers a route, runs a step, defines a payload.

``--check`` writes nothing and fails when the page is not what the code says.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "where-is.md"
APPS = (
    "cloudweb",
    "operations",
    "audit",
    "reconciliation",
    "identity",
    "image",
    "network",
    "volume",
    "compute",
    "instances",
    "databases",
    "dashboard",
)
ROOMS = {
    "manager": "rules, permission, quota, writes",
    "models": "tables",
    "querysets": "queries and guarded writes",
    "operations": "sagas",
    "states": "state table",
    "policies": "who may do what",
    "objects": "what crosses to hosts",
    "rpc": "what an agent exposes",
    "agent": "what runs on a host",
    "drivers": "what touches the machine",
    "api": "REST",
    "admin": "operators' pages",
    "exceptions": "errors",
    "bootstrap": "first contents",
    "tasks": "periodic work",
}
HEAD = """# Where is …?

Generated from the code by `docs/where_is.py` (`make docs`); a test fails when it is not current.
"""


def main(argv: list[str]) -> int:
    """Write or check the page; return the exit code."""
    text = page()
    if "--check" in argv:
        if PAGE.exists() and PAGE.read_text() == text:
            return 0
        sys.stderr.write("docs/where-is.md is not what the code says: run docs/where_is.py\n")
        return 1
    PAGE.write_text(text)
    return 0


def page() -> str:
    """Return the whole page."""
    _load_everything()
    parts = [
        HEAD,
        _section("A room of an app", ("room", "what for", *APPS[1:]), _rooms()),
        _section("A REST endpoint", ("route", "methods", "view", "manager"), _routes()),
        _section("A saga", ("kind", "class", "steps (undo)"), _sagas()),
        _section("An order to a host", ("method", "declared in", "takes", "answers"), _orders()),
        _section("A wire object", ("object", "version", "file"), _objects()),
        _section("A state table", ("file", "actions"), _states()),
        *_microversions(),
        _section("A policy", ("prefix", "declared in", "policies"), _policies()),
        _section("A command", ("command", "file"), _commands()),
        _section("A setting", ("file", "variables of the environment"), _settings()),
    ]
    return "\n".join(part for part in parts if part)


def _load_everything() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudweb.settings.test")
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    for app in APPS:
        package = importlib.import_module(app)
        for found in pkgutil.walk_packages(package.__path__, f"{app}."):
            hidden = {"migrations", "settings", "management", "supervisor", "__main__", "wsgi"}
            if not hidden & set(found.name.split(".")) and ".drivers." not in found.name:
                importlib.import_module(found.name)


def _section(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = ["| " + " | ".join(cell or " " for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(tuple(columns))}"]
    return "\n".join([f"## {title}", "", *head, *lines, ""])


def _file(thing: Any) -> str:
    path = Path(inspect.getfile(inspect.unwrap(thing))).resolve()
    ours = path.is_relative_to(ROOT) and "site-packages" not in path.parts
    place = path.relative_to(ROOT).as_posix() if ours else ""
    return (
        "" if place.startswith("tests/") else place
    )  # the suite's example is no part of the product


def _rooms() -> Iterator[list[str]]:
    for room, purpose in ROOMS.items():
        cells = []
        for app in APPS[1:]:
            if (ROOT / app / room / "__init__.py").exists():
                cells.append(f"`{app}/{room}/`")
            else:
                cells.append(f"`{app}/{room}.py`" if (ROOT / app / f"{room}.py").exists() else "")
        if any(cells):
            yield [room, purpose, *cells]


def _routes() -> Iterator[list[str]]:
    from django.urls import get_resolver

    for path, view in _walk(get_resolver().url_patterns, ""):
        cls = getattr(view, "cls", getattr(view, "view_class", None))
        where = _file(cls or view)
        if not where:
            continue
        actions: dict[str, str] = getattr(view, "actions", None) or {}
        methods = ", ".join(method.upper() for method in actions if method != "head")
        name = getattr(cls or view, "__name__", "")
        if actions:
            name += f".{'/'.join(dict.fromkeys(actions.values()))}"
        manager = getattr(cls, "manager", None)
        yield [
            f"`/{path}`",
            methods,
            f"`{name}` in `{where}`",
            f"`{manager.__name__}`" if inspect.isclass(manager) else "",
        ]


def _walk(patterns: Iterable[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if getattr(pattern, "app_name", None) == "admin":
            continue
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern.url_patterns, path)
        else:
            yield path, pattern.callback


def _sagas() -> Iterator[list[str]]:
    from operations.saga import Saga

    for kind, saga in sorted(Saga.REGISTRY.items()):
        if where := _file(saga):
            steps = [
                f"{step.name}{f' ({step.undo.__name__})' if step.undo else ''}"
                for step in saga.steps
            ]
            yield [f"`{kind}`", f"`{saga.__name__}` in `{where}`", " → ".join(steps)]


def _orders() -> Iterator[list[str]]:
    from cloudweb.rpc import Method

    for name, method in sorted(Method.REGISTRY.items()):
        answer = method.answer.__name__ if method.answer else ""
        app = "databases" if method.domain == "guestagent" else method.domain
        yield [f"`{name}`", f"`{app}/rpc.py`", f"`{method.payload.__name__}`", answer]


def _objects() -> Iterator[list[str]]:
    from cloudweb.objects import VersionedObject

    for name, cls in sorted(VersionedObject.REGISTRY.items()):
        if where := _file(cls):
            yield [f"`{name}`", cls.VERSION, f"`{where}`"]


def _states() -> Iterator[list[str]]:
    from cloudweb.states import Action

    for app in APPS[1:]:
        module = sys.modules.get(f"{app}.actions")
        names = sorted({item.name for item in _actions(module, Action)}) if module else []
        if names:
            yield [f"`{app}/actions/`", ", ".join(names)]


def _microversions() -> Iterator[str]:
    from cloudweb.dialects import DIALECTS
    from cloudweb.microversions import Microversions
    from cloudweb.microversions.claims import claims

    sources = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py"))]
    for dialect in DIALECTS.values():
        if isinstance(listed := dialect.versions, Microversions):
            found = claims(listed.service, sources)
            rows = []
            for version, change in listed.changes():
                files = [path.relative_to(ROOT) for path in found.get(version.minor, [])]
                served = f"{change.served}: {change.note}" if change.note else change.served
                rows.append(
                    [str(version), change.text, served, ", ".join(f"`{one}`" for one in files)]
                )
            title = f"A microversion of {listed.service}"
            yield _section(title, ("version", "what it changed", "served", "claimed in"), rows)


def _actions(module: Any, kind: type[Any]) -> Iterator[Any]:
    for value in vars(module).values():
        if isinstance(value, kind):
            yield value
        elif isinstance(value, dict):
            yield from (item for item in value.values() if isinstance(item, kind))
        elif isinstance(value, list | tuple):
            yield from (item for item in value if isinstance(item, kind))


def _policies() -> Iterator[list[str]]:
    from cloudweb.policy import RULES

    groups: dict[str, list[str]] = {}
    for name in sorted(RULES):
        prefix, _, action = name.rpartition(":")
        groups.setdefault(prefix, []).append(action)
    texts = {app: (ROOT / app / "policies.py") for app in APPS}
    sources = {app: path.read_text() for app, path in texts.items() if path.exists()}
    example = (ROOT / "tests" / "example" / "policies.py").read_text()
    for prefix, actions in groups.items():
        found = [app for app, text in sources.items() if f'"{prefix}:' in text]
        if f'"{prefix}:' not in example:
            where = ", ".join(f"`{app}/policies.py`" for app in found)
            yield [f"`{prefix}`", where, ", ".join(actions)]


def _commands() -> Iterator[list[str]]:
    for app in APPS:
        for path in sorted((ROOT / app / "management" / "commands").glob("[a-z]*.py")):
            yield [f"`manage.py {path.stem}`", f"`{path.relative_to(ROOT).as_posix()}`"]


def _settings() -> Iterator[list[str]]:
    paths = [ROOT / "cloudweb" / "conf.py", *sorted((ROOT / "cloudweb" / "settings").glob("*.py"))]
    paths += [ROOT / app / "conf.py" for app in APPS[1:] if (ROOT / app / "conf.py").exists()]
    for path in paths:
        names = re.findall(r'\benv(?:\.\w+)?\(\s*"([A-Z_]+)"', path.read_text())
        if names:
            where = path.relative_to(ROOT).as_posix()
            yield [f"`{where}`", ", ".join(f"`{name}`" for name in dict.fromkeys(names))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
