"""What networks tell the apps above."""

from __future__ import annotations

from dataclasses import dataclass

from cloudweb.events import Event
from network.objects import PortMilestone, PortRef


@dataclass(frozen=True, slots=True)
class PortDeleted(Event):
    """A port is gone; ``device_id`` and ``device_owner`` say whose it was."""

    ref: PortRef
    device_id: str
    device_owner: str


@dataclass(frozen=True, slots=True)
class DeviceNamed(Event):
    """A tenant says that a port of the project serves this device: whoever knows it raises to refuse."""

    device_id: str
    project_id: str


@dataclass(frozen=True, slots=True)
class MilestoneReached(Event):
    """A guest did something for the first time, as its host saw."""

    host: str
    milestone: PortMilestone
