"""LVM, spoken to by its commands: the logical volumes of one thin pool that are ours.

Ours have a tag; a second one names the volume that a snapshot is of, for LVM forgets a thin volume's origin
with the origin. A third says how many bytes an encrypted one has before what it holds: sizes here are without.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import DiskFull, DriverError

OURS = "cloudweb"
_VOLUME = "cloudweb.volume="
_HEADER = "cloudweb.header="
_COLUMNS = (
    "lv_name,lv_size,data_percent,metadata_percent,lv_active,lv_tags,pool_lv,lv_permissions,"
    "lv_device_open"
)
#: What LVM says where the pool, or the group, has no room.
_FULL = ("insufficient free space", "above threshold", "No space left")
Run = Callable[..., process.Completed]


@dataclass(frozen=True, slots=True)
class LogicalVolume:
    """One of the pool's; ``size`` in bytes, ``written`` the part of it that takes room.

    ``volume_id`` is the volume's that it is, or is a snapshot of. ``header``: of one that is encrypted.
    ``opened``: somebody has its device open.
    """

    name: str
    size: int
    written: float = 0.0
    active: bool = False
    volume_id: str = ""
    header: int = 0
    opened: bool = False
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Usage:
    """How large the pool is, in bytes, and what parts of it and of its metadata are taken."""

    size: int
    data: float
    metadata: float


class Group:
    """One thin pool of one volume group."""

    def __init__(
        self, name: str, pool: str, *, run: Run = process.run, devices: Path = Path("/dev")
    ) -> None:
        self.name, self.pool = name, pool
        self._run, self._devices = run, devices

    def path(self, name: str) -> Path:
        """Return the block device of a logical volume that is active."""
        return self._devices / self.name / name

    def look(self) -> tuple[Mapping[str, LogicalVolume], Usage]:
        """Return what of the pool is ours, by name, and how full it is; raise DriverError."""
        rows = self._rows()
        found = {row["lv_name"]: _parsed(row) for row in rows if OURS in _tags(row)}
        for row in rows:
            if row["lv_name"] == self.pool:
                data, metadata = _part(row["data_percent"]), _part(row["metadata_percent"])
                return found, Usage(int(row["lv_size"]), data, metadata)
        raise DriverError(f"There is no thin pool {self.name}/{self.pool} on this host.")

    def others(self) -> Mapping[str, LogicalVolume]:
        """Return the pool's thin volumes that are none of ours, by name."""
        return {
            row["lv_name"]: _parsed(row)
            for row in self._rows()
            if row["pool_lv"] == self.pool and OURS not in _tags(row)
        }

    def names(self) -> Sequence[str]:
        """Return what cannot be the name of another one."""
        return [row["lv_name"] for row in self._rows()]

    def find(self, name: str) -> LogicalVolume | None:
        """Return one of ours."""
        return self.look()[0].get(name)

    def create(self, name: str, size: int, *, volume_id: str, header: int = 0) -> None:
        """Make an empty one; it takes no room yet."""
        self._do("lvcreate", "--yes", "--thinpool", self.pool, "--virtualsize", f"{header + size}b",
                 "--name", name, *_tagged(volume_id, header), self.name)  # fmt: skip

    def snapshot(self, source: LogicalVolume, name: str, *, volume_id: str, active: bool) -> None:
        """Let a new one hold what another does now; one that is not ``active`` has no device."""
        skip = ("n", "--activate", "y") if active else ("y", "--activate", "n")
        tags = _tagged(volume_id, source.header)
        self._do("lvcreate", "--yes", "--snapshot", "--setactivationskip", *skip, "--name", name,
                 *tags, f"{self.name}/{source.name}")  # fmt: skip

    def extend(self, name: str, size: int, *, header: int = 0) -> None:
        """Make one larger."""
        self._do("lvextend", "--yes", "--size", f"{header + size}b", f"{self.name}/{name}")

    def rename(self, name: str, new: str) -> None:
        """Give one another name."""
        self._do("lvrename", "--yes", self.name, name, new)

    def tag(self, name: str, *, volume_id: str) -> None:
        """Let one be ours."""
        self._do("lvchange", "--yes", *_tagged(volume_id), f"{self.name}/{name}")

    def untag(self, name: str, *, volume_id: str) -> None:
        """Let one be ours no longer."""
        tags = [word.replace("--addtag", "--deltag") for word in _tagged(volume_id)]
        self._do("lvchange", "--yes", *tags, f"{self.name}/{name}")

    def remove(self, name: str) -> None:
        """Take one away, active or not."""
        self._do("lvremove", "--yes", f"{self.name}/{name}")

    def activate(self, name: str) -> None:
        """Let one have its device."""
        self._do("lvchange", "--yes", "--activate", "y", "--ignoreactivationskip",
                 f"{self.name}/{name}")  # fmt: skip

    def deactivate(self, name: str) -> None:
        """Take its device away."""
        self._do("lvchange", "--yes", "--activate", "n", f"{self.name}/{name}")

    def _rows(self) -> Sequence[Mapping[str, str]]:
        words = ("--reportformat", "json", "--units", "b", "--nosuffix", "--options", _COLUMNS)
        try:
            text = self._do("lvs", *words, self.name).text
        except process.CommandFailed as error:
            raise DriverError(
                f"LVM's volume group {self.name} cannot be looked at: is it there, and lvm2 installed?",
                detail=error.detail,
            ) from error
        try:
            (report,) = json.loads(text)["report"]
            rows: Sequence[Mapping[str, str]] = report["lv"]
        except (ValueError, LookupError, TypeError) as error:
            raise DriverError("LVM's report cannot be read.", detail=text[:500]) from error
        return rows

    def _do(self, *command: str) -> process.Completed:
        try:
            return self._run(*command, timeout=60, env={"LC_ALL": "C"})
        except process.CommandFailed as error:
            if any(word in error.output for word in _FULL):
                raise DiskFull(detail=error.detail) from error
            raise


def _tagged(volume_id: str, header: int = 0) -> Sequence[str]:
    tags = (OURS, f"{_VOLUME}{volume_id}", *((f"{_HEADER}{header}",) if header else ()))
    return [word for tag in tags for word in ("--addtag", tag)]


def _tags(row: Mapping[str, Any]) -> Sequence[str]:
    return str(row["lv_tags"]).split(",")


def _parsed(row: Mapping[str, str]) -> LogicalVolume:
    named = (tag.removeprefix(_VOLUME) for tag in _tags(row) if tag.startswith(_VOLUME))
    headers = (tag.removeprefix(_HEADER) for tag in _tags(row) if tag.startswith(_HEADER))
    header = int(next(headers, 0))
    return LogicalVolume(
        name=row["lv_name"],
        size=int(row["lv_size"]) - header,
        written=_part(row["data_percent"]),
        active=row["lv_active"] == "active",
        volume_id=next(named, ""),
        header=header,
        opened=row["lv_device_open"] == "open",
        writable=row["lv_permissions"] != "read-only",
    )


def _part(percent: str) -> float:
    return float(percent or 0) / 100
