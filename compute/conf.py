"""Settings of compute, read from the environment.

The ratios say how many times over a host's capacity may be promised, wherever a host has no ratio
of its own; the reserve is memory (MiB) and disk (GiB) that a host keeps for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudweb.conf import env

DEFAULT_ZONE = env.str("COMPUTE_DEFAULT_ZONE", default="nova")
#: The zone that services of the control plane are shown in.
INTERNAL_ZONE = "internal"


@dataclass(frozen=True, slots=True)
class Capacity:
    """How a host's inventory becomes what can be promised to servers."""

    cpu_ratio: float
    ram_ratio: float
    disk_ratio: float
    reserved_ram: int
    reserved_disk: int


CAPACITY = Capacity(
    cpu_ratio=env.float("COMPUTE_CPU_RATIO", default=4.0),
    ram_ratio=env.float("COMPUTE_RAM_RATIO", default=1.0),
    disk_ratio=env.float("COMPUTE_DISK_RATIO", default=1.0),
    reserved_ram=env.int("COMPUTE_RESERVED_RAM", default=512),
    reserved_disk=env.int("COMPUTE_RESERVED_DISK", default=0),
)
#: A placement draws one of this many best hosts, so that many at once do not queue for one row.
CANDIDATES = env.int("COMPUTE_CANDIDATES", default=10)
