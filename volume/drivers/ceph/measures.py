"""What is free in Ceph's pools, and how the cluster is: asked now and then, told at every report."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from cloudweb.driver import DriverError
from volume.drivers.ceph.cluster import Cluster

log = structlog.get_logger(__name__)
EVERY = 30.0
#: Of what the cluster complains about, so much is told.
COMPLAINTS = 20
#: With these, writers wait for ever: nothing new is placed.
FULL = frozenset({"OSD_FULL", "POOL_FULL", "OSD_BACKFILLFULL", "POOL_BACKFILLFULL"})


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of a pool, as a tenant sees them: replicas are reckoned in."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Measured:
    """The cluster as it was found last; pools of which nothing is known are not in ``usage``."""

    fsid: str = ""
    monitors: tuple[str, ...] = ()
    pools: frozenset[str] = frozenset()
    usage: Mapping[str, Usage] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    full: str = ""


class Measures:
    """A thread that measures; what it knows is read without waiting."""

    def __init__(self, cluster: Cluster, also: Callable[[], None]) -> None:
        self._cluster, self._also = cluster, also
        self._stopping: threading.Event | None = None  # of the thread that runs
        self.known = Measured()

    def start(self) -> None:
        """Measure now, and from now on; raises what the first measure does."""
        self.measure()
        if self._stopping is None:
            self._stopping = threading.Event()
            threading.Thread(
                target=self._run, args=(self._stopping,), name="ceph-measures", daemon=True
            ).start()

    def stop(self) -> None:
        """Measure no more."""
        if self._stopping is not None:
            self._stopping.set()
        self._stopping = None

    def measure(self) -> None:
        """Ask the cluster."""
        usage, status, monitors, pools = self._cluster.ask(
            {"prefix": "df", "detail": "detail"}, {"prefix": "status"},
            {"prefix": "mon dump"}, {"prefix": "osd pool ls"},
        )  # fmt: skip
        self._cluster.quorum = tuple(status["quorum_names"])
        fresh = {one["name"]: found for one in usage["pools"] if (found := _usage(one["stats"]))}
        checks = {
            code: one for code, one in status["health"]["checks"].items() if not one.get("muted")
        }
        said = [f"{one['summary']['message']} ({code})" for code, one in sorted(checks.items())]
        if not status["mgrmap"].get("available"):
            said.append("no manager is active, so nobody measures what is free")
        full = [text for code, text in zip(sorted(checks), said, strict=False) if code in FULL]
        self.known = Measured(
            fsid=status["fsid"],
            monitors=_addresses(monitors["mons"]),
            pools=frozenset(pools),
            usage={**self.known.usage, **fresh},
            problems=tuple(said[:COMPLAINTS]),
            full="; ".join(full),
        )

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.wait(EVERY):
            try:
                self.measure()
                self._also()
            except DriverError as error:
                log.warning("Ceph not measured", detail=error.detail)
                self.known = Measured(
                    self.known.fsid, self.known.monitors, self.known.pools, self.known.usage,
                    problems=("It does not answer",), full="It does not answer",
                )  # fmt: skip
            except Exception:
                log.exception("Ceph not measured")


def _usage(stats: Mapping[str, int]) -> Usage | None:
    """Return what a pool has room for; None where nobody has measured it yet."""
    if not stats["max_avail"]:
        return None
    total, free = stats["stored"] + stats["max_avail"], stats["max_avail"]
    if quota := stats.get("quota_bytes", 0):
        total, free = min(total, quota), min(free, max(0, quota - stats["stored"]))
    return Usage(total, free)


def _addresses(monitors: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return where clients find the monitors: by the newer protocol where they speak it."""
    found = []
    for one in monitors:
        addresses = {each["type"]: each["addr"] for each in one["public_addrs"]["addrvec"]}
        found.append(addresses.get("v2") or addresses["v1"])
    return tuple(found)
