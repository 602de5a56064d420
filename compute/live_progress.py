"""How far a guest is that goes to another host while it runs: its host tells it in reports."""

from __future__ import annotations

from typing import Literal

from cloudweb.objects import Part

#: What is done just now: its disks are copied first, then its memory; then its downtime is raised, it is
#: held still, or runs on its new host with what is there and fetches the rest.
LivePhase = Literal["preparing", "disks", "memory", "downtime", "suspended", "post-copy"]


class LiveProgress(Part):
    """One guest: bytes, and bytes a second. ``seconds`` to go are None where it never ends at this rate.

    ``downtime`` (milliseconds) is what it would be held still for if it ended now.
    """

    id: str
    phase: LivePhase = "preparing"
    memory_total: int = 0
    memory_processed: int = 0
    memory_remaining: int = 0
    disk_total: int = 0
    disk_processed: int = 0
    disk_remaining: int = 0
    speed: int = 0
    dirty_rate: int = 0
    downtime: int = 0
    seconds: int | None = None
    elapsed: float = 0.0
