"""The networks of a fake host in files, one for each part, so that a change costs the same among thousands."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = ("leases", "filters", "members", "taps", "ways")


@dataclass(slots=True)
class FakeSegment:
    """What the fake host keeps of a network; the halves are made one after the other."""

    id: str
    revision: int
    gateways: list[str] = field(default_factory=list)
    leases: dict[str, list[str]] = field(default_factory=dict)  # port id -> MAC, addresses
    filters: dict[str, list[str]] = field(default_factory=dict)  # port id -> rules as JSON
    members: dict[str, list[str]] = field(default_factory=dict)  # group id -> who is in it
    taps: dict[str, dict[str, Any]] = field(default_factory=dict)  # port id -> tap, up
    ways: dict[str, list[str]] = field(default_factory=dict)  # MAC -> where the port is, addresses


class FakeRecords:
    """They outlive the process, not the machine: like what the kernel has of a real host's networks."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def load(self) -> dict[str, FakeSegment]:
        """Return what there is of every network."""
        found = self._directory.glob("*/segment.json")
        return {path.parent.name: self._segment(path.parent) for path in sorted(found)}

    def write(self, network_id: str, kind: str, name: str, part: Any) -> None:
        """Replace one part of a network, or drop it."""
        path = self._directory / network_id / kind / f"{name}.json"
        if part is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(part))
        draft.replace(path)

    def forget(self, network_id: str) -> None:
        """Drop all of a network, its name first."""
        (self._directory / network_id / "segment.json").unlink(missing_ok=True)
        shutil.rmtree(self._directory / network_id, ignore_errors=True)

    def _segment(self, home: Path) -> FakeSegment:
        parts = {
            kind: {path.stem: json.loads(path.read_text()) for path in (home / kind).glob("*.json")}
            for kind in KINDS
        }
        base: dict[str, Any] = json.loads((home / "segment.json").read_text())
        whole: dict[str, Any] = {"id": home.name, **base, **parts}
        return FakeSegment(**whole)
