"""What volumes tell the apps above."""

from __future__ import annotations

from dataclasses import dataclass

from cloudweb.events import Event


@dataclass(frozen=True, slots=True)
class VolumeExtended(Event):
    """A volume has grown; who has it in use does not see it by itself."""

    volume_id: str
    size: int  # GiB


@dataclass(frozen=True, slots=True)
class VolumeRetyped(Event):
    """A volume is of another type; what its guest is held to may be another, too."""

    volume_id: str


@dataclass(frozen=True, slots=True)
class VolumeTaken(Event):
    """An operator took a volume from a server, whose guest does not know of it yet."""

    attachment_id: str
    instance_id: str
