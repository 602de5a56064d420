"""Which code claims which version of a service, read from the sources: for docs/where_is.py and the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

WORDS = {"since": 0, "until": 1}  # until(56) is what 2.57 changed


def claims(service: str, sources: Iterable[Path]) -> dict[int, list[Path]]:
    """Return the files that claim a minor version, by ``since`` or ``until`` of the service's list.

    Raises ValueError for a word whose number cannot be read: it must be written out.
    """
    found: dict[int, list[Path]] = {}
    for path in sources:
        text = path.read_text()
        if f"microversions.{service}" in text:
            for minor in _claimed(ast.parse(text), service, path):
                files = found.setdefault(minor, [])
                if path not in files:
                    files.append(path)
    return found


def _claimed(tree: ast.Module, service: str, path: Path) -> Iterator[int]:
    words = dict(_words(tree, service))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in words:
            match node.args:
                case [ast.Constant(value=int(minor))]:
                    yield minor + words[node.func.id]
                case _:
                    raise ValueError(f"{path}:{node.lineno}: write the version as a number")


def _words(tree: ast.Module, service: str) -> Iterator[tuple[str, int]]:
    """Yield what ``since`` and ``until`` are called in a file, and what they add to their number."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == f"cloudweb.microversions.{service}":
            for one in node.names:
                if one.name in WORDS:
                    yield one.asname or one.name, WORDS[one.name]
