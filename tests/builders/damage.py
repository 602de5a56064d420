"""What a disk does to a file: each way a record may be found that nobody wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "garbage": lambda content: b"\xff\x00\xfe" + content[::-1],
    "a list": lambda content: b"[1]",
    "null": lambda content: b"null",
    "another object": lambda content: b'{"object": "Toy", "version": "9.0", "data": {"a": [1]}}',
    "values of another kind": lambda content: b'{"a": "x", "b": [null], "c": {"d": 1.5}}',
}


def damage(path: Path, how: str) -> None:
    """Damage a file behind everybody's back."""
    path.write_bytes(DAMAGES[how](path.read_bytes()))


def aside(directory: Path) -> list[str]:
    """Return the names of the records that were set aside, without their times."""
    return sorted(path.name.partition(".damaged-")[0] for path in directory.rglob("*.damaged-*"))
