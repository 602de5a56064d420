"""What the engine tells the apps above."""

from __future__ import annotations

from dataclasses import dataclass

from cloudweb.events import Event


@dataclass(frozen=True, slots=True)
class HostUp(Event):
    """A domain of a host reports again, or for the first time."""

    host: str
    domain: str


@dataclass(frozen=True, slots=True)
class HostLeft(Event):
    """A host left for good, and nothing is on it: what was known of it can be forgotten."""

    host: str


@dataclass(frozen=True, slots=True)
class DatabaseRestored(Event):
    """Hosts may know later numbers than the database, of any thing that is numbered."""
