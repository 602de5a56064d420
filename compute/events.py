"""What compute tells the apps above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudweb.events import Event
from compute.live_progress import LiveProgress
from compute.objects import HostSurvey


@dataclass(frozen=True, slots=True)
class GuestsSeen(Event):
    """All guests that a host has: id -> power state, as they were ``at`` a time."""

    host: str
    guests: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class HostSurveyed(Event):
    """All that a host has of guests, as it was ``at`` a time."""

    host: str
    survey: HostSurvey
    at: datetime


@dataclass(frozen=True, slots=True)
class GuestChanged(Event):
    """A guest stopped or started by itself."""

    host: str
    guest_id: str
    power_state: str


@dataclass(frozen=True, slots=True)
class GuestsMoving(Event):
    """How far the guests are that a host brings to other hosts."""

    host: str
    guests: Sequence[LiveProgress]
