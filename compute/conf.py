"""Settings of compute, read from the environment.

The ratios say how many times over a host's capacity may be promised, wherever a host has no ratio
of its own; the reserve is memory (MiB) and disk (GiB) that a host keeps for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured

from cloudweb.conf import env
from compute.cpu_sets import parse_cpu_set


def _processors(name: str) -> tuple[int, ...] | None:
    """Return a setting's set of processors; None where it says nothing."""
    said = env.str(name, default="")
    try:
        return parse_cpu_set(said) if said else None
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


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
#: Of a host's processors, those for guests that are pinned, and those for all others ("0-3,^2"); where nothing is
#: said of the others, they are what is left. A host reads its own.
CPU_DEDICATED_SET = _processors("COMPUTE_CPU_DEDICATED_SET") or ()
CPU_SHARED_SET = _processors("COMPUTE_CPU_SHARED_SET")
if both := {*CPU_DEDICATED_SET} & {*(CPU_SHARED_SET or ())}:
    raise ImproperlyConfigured(
        f"COMPUTE_CPU_DEDICATED_SET and COMPUTE_CPU_SHARED_SET both name {min(both)}."
    )
#: What simulated hosts have: so many NUMA cells, and of their memory so much in pages of 2 MiB, per cent.
FAKE_CELLS = env.int("COMPUTE_FAKE_CELLS", default=2)
FAKE_LARGE_PAGES = env.int("COMPUTE_FAKE_LARGE_PAGES", default=25)
#: Hints of the scheduler that are heard and not only kept: query, build_near_host_ip (docs/placement.md).
HINTS_HEARD = frozenset(env.list("COMPUTE_HINTS_HEARD", default=[]))
#: What makes a host a better place, and how much it counts (``compute.scheduler.weighers``).
WEIGHERS = {
    name: float(factor)
    for name, factor in env.dict(
        "COMPUTE_WEIGHERS",
        default={"ram": "1", "vcpus": "1", "build_failures": "-2", "image": "2"},
    ).items()
}
#: So long a failed build counts against its host.
FAILURES_COUNT_FOR = timedelta(seconds=env.int("COMPUTE_FAILURES_COUNT_FOR", default=3600))
#: So long a server that was placed is taken for one that is being built.
YOUNG_FOR = timedelta(seconds=120)
#: Of so many of the best hosts that fit it is asked what cannot be kept in their rows.
LOOKED_AT = env.int("COMPUTE_LOOKED_AT", default=40)
#: A placement draws one of this many best hosts, so that many at once do not queue for one row.
CANDIDATES = env.int("COMPUTE_CANDIDATES", default=10)

#: Which class drives which kind of power control.
FENCE_DRIVERS = {
    "redfish": env.str("FENCE_REDFISH", default="compute.fencing.redfish.RedfishFence"),
    "ipmi": env.str("FENCE_IPMI", default="compute.fencing.ipmi.IpmiFence"),
    "manual": "compute.fencing.manual.ManualFence",
    "fake": "compute.fencing.fake.FakeFence",
}
#: So many seconds a machine may take until its power control says that it is as it was told to be.
FENCE_PATIENCE = env.int("FENCE_PATIENCE", default=60)
#: A host stops its guests when it heard nothing of the control plane for so many seconds (0: never;
#: less than a minute would stop them for a restart of the control plane, and counts as one).
_SELF_FENCE = env.int("COMPUTE_SELF_FENCE", default=0)
SELF_FENCE = max(_SELF_FENCE, 60) if _SELF_FENCE > 0 else 0
#: So many seconds later than that it is believed to have done so.
SELF_FENCE_MARGIN = env.int("COMPUTE_SELF_FENCE_MARGIN", default=30)
