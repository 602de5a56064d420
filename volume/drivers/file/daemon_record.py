"""What is recorded of a volume's daemon: how it was started, and what it serves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Served:
    """One export: whom it is for."""

    host: str
    read_only: bool
    epoch: int
    port: int = 0  # of the relay that stands between; 0: none does

    def differs_from(self, other: Served) -> bool:
        """Tell whether another host is to have it, or to have it in another way."""
        return (self.host, self.read_only) != (other.host, other.read_only)


@dataclass(frozen=True, slots=True)
class Record:
    """How a volume's daemon was started, and what it serves while it runs.

    ``interrupted``: all exports were taken away for a moment, and some may not be there again.
    ``forward``: where the volume is now (a VolumeConnection); it has no file here any more.
    """

    volume_id: str
    socket: str  # the name of its sockets
    port: int = 0  # 0: on a Unix socket
    exports: Mapping[str, Served] = field(default_factory=dict)
    interrupted: bool = False
    forward: Mapping[str, Any] | None = None

    @property
    def hosts(self) -> Collection[str]:
        """Whose certificates are let in."""
        return sorted({one.host for one in self.exports.values()})


def parse(record: Mapping[str, Any]) -> Record:
    exports = {name: Served(**one) for name, one in record["exports"].items()}
    return Record(
        volume_id=str(record["volume_id"]),
        socket=str(record["socket"]),
        port=int(record["port"]),
        exports=exports,
        interrupted=bool(record.get("interrupted", False)),
        forward=record.get("forward"),
    )
