"""Forwarding on the interfaces by which guests' traffic leaves the host, and what guards them.

It is switched on for the sake of all installations in this network namespace: whoever needs it is
written down beside their claims, the last to leave switches it off, and one table keeps everything
else from being forwarded meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.linuxbridge import namespaces, nft
from network.drivers.linuxbridge.neighbours import CLAIMS

TABLE = "cloudweb_uplinks"
ROUTES = Path("/proc/thread-self/net/route")


@dataclass
class _Record:
    """``users``: the directory of each installation that needs it -> its prefix."""

    users: dict[str, str] = field(default_factory=dict)
    switched_on: list[str] = field(default_factory=list)


class Uplinks:
    """The shared record, seen from the installation that keeps its state in ``state_dir``."""

    def __init__(self, state_dir: Path, prefix: str, *, directory: Path = CLAIMS) -> None:
        self._user, self._prefix = os.fspath(state_dir), prefix
        self._alone = state_dir / "uplinks.json"  # where it was kept before there were several
        self._directory = directory / str(Path("/proc/thread-self/ns/net").stat().st_ino)

    def ensure(self) -> None:
        """Let the host forward for our networks on its uplinks, and nothing new for anybody else."""
        with self._record() as record:
            record.users[self._user] = self._prefix
            uplinks = default_ways_out()
            if namespaces.read_sysctl("net/ipv4/ip_forward") == "1":
                # Somebody made the whole host a router: what it forwards besides is not ours to stop.
                record.switched_on = []
            fresh = [
                uplink
                for uplink in uplinks
                if namespaces.read_sysctl(f"net/ipv4/conf/{uplink}/forwarding") == "0"
            ]
            record.switched_on = sorted({*record.switched_on, *fresh})
            self._write(record)
            # First what forbids, then the switch: nothing is forwarded in between.
            nft.apply(guard_table(record.switched_on, sorted({*record.users.values()})))
            for uplink in fresh:
                namespaces.write_sysctl(f"net/ipv4/conf/{uplink}/forwarding", "1")

    def facts(self) -> Sequence[str | None]:
        """Return what ``ensure`` looks at on this host; while it is the same there is nothing to do."""
        uplinks = default_ways_out()
        switches = [f"net/ipv4/conf/{name}/forwarding" for name in uplinks]
        read = [namespaces.read_sysctl(path) for path in ("net/ipv4/ip_forward", *switches)]
        return (*uplinks, *read)

    def are_used(self) -> bool:
        """Tell whether a network of ours goes out by them."""
        record = read_record(self._file, _parse)
        return record is not None and self._user in record.users

    def release(self) -> None:
        """We need it no more; the last one puts forwarding back as it was."""
        with self._record() as record:
            if record.users.pop(self._user, None) is None and not record.switched_on:
                return
            if record.users:
                nft.apply(guard_table(record.switched_on, sorted({*record.users.values()})))
            else:
                for uplink in record.switched_on:
                    namespaces.write_sysctl(f"net/ipv4/conf/{uplink}/forwarding", "0")
                nft.delete(("inet", TABLE))
                record.switched_on = []
            self._write(record)

    def _write(self, record: _Record) -> None:
        write_atomically(
            self._file, json.dumps({"users": record.users, "switched_on": record.switched_on})
        )
        self._alone.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self._directory / "uplinks"

    @contextmanager
    def _record(self) -> Iterator[_Record]:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._directory / "uplinks.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            record = read_record(self._file, _parse) or _Record(
                switched_on=read_record(self._alone, _names) or []
            )
            for directory in [user for user in record.users if not Path(user).exists()]:
                del record.users[directory]  # it was removed by hand
            yield record


def default_ways_out() -> Sequence[str]:
    """Return the interfaces that IPv4 default routes leave by."""
    rows = [line.split() for line in ROUTES.read_text().splitlines()[1:]]
    return sorted({row[0] for row in rows if row[1] == row[7] == "00000000" and row[0] != "*"})


def guard_table(switched_on: Sequence[str], prefixes: Sequence[str]) -> str:
    """Return the table: where forwarding is on for our sake, only what is ours comes in anew."""
    guarded = ", ".join(f'"{name}"' for name in switched_on)
    ours = " ".join(f'oifname != "{prefix}*"' for prefix in prefixes)
    lines = [
        nft.fresh("inet", TABLE).rstrip(),
        f"table inet {TABLE} {{",
        "  chain forward {",
        "    type filter hook forward priority filter; policy accept;",
        *(
            [f"    iifname {{ {guarded} }} {ours} ct state != {{ established, related }} drop"]
            if guarded
            else []
        ),
        "  }",
        "}",
        "",
    ]
    return "\n".join(lines)


def _parse(kept: Any) -> _Record:
    return _Record(users=dict(kept["users"]), switched_on=list(_names(kept["switched_on"])))


def _names(kept: Any) -> list[str]:
    if not isinstance(kept, list) or not all(isinstance(name, str) for name in kept):
        raise ValueError("not a list of interfaces")
    return kept
