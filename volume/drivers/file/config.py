"""Where a back end of files is, and where it serves other hosts, as settings say."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cloudweb.conf import env
from cloudweb.driver import DriverError
from cloudweb.wire import Wire

RUN_DIR = Path("/run/cloudweb-volumes")


@dataclass(frozen=True, slots=True)
class FileConfig:
    """The pool's directory, and the wire to other hosts.

    ``shared`` is where several hosts may have pools, each its own: what they report is one storage.
    ``sockets`` is where every user may pass, and paths are short: guests connect as users of their own.
    """

    directory: Path
    wire: Wire
    shared: Path | None = None
    sockets: Path | None = None

    @classmethod
    def from_settings(cls, *, host: str, backend: str, state_dir: Path) -> FileConfig:
        """Read VOLUME_<BACKEND>_DIRECTORY, VOLUME_PORTS and VOLUME_ADDRESS; raise DriverError."""
        name = f"VOLUME_{backend.upper()}_DIRECTORY"
        shared = Path(text) if (text := _setting(name)) else None
        return cls(
            directory=state_dir / "pool" if shared is None else shared / host,
            wire=wire_of(state_dir),
            shared=shared,
            sockets=sockets_of(state_dir),
        )


def wire_of(state_dir: Path) -> Wire:
    """Read VOLUME_PORTS and VOLUME_ADDRESS; raise DriverError.

    Where no address is set other hosts reach this one where they do for networks.
    """
    ports = env.str("VOLUME_PORTS", default="10900-11899")
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", ports)
    if found is None or not 0 < int(found[1]) <= int(found[2]) < 65536:
        raise DriverError(f"VOLUME_PORTS is {ports!r}; it must look like 10900-11899.")
    said = filter(None, map(_setting, ("VOLUME_ADDRESS", "NETWORK_TUNNEL")))
    return Wire(
        address=next(said, "127.0.0.1"),
        ports=range(int(found[1]), int(found[2]) + 1),
        certificates=state_dir.parent.parent / "credentials" / "tls",
    )


def sockets_of(state_dir: Path) -> Path | None:
    """Return where the sockets of a back end with this state go; None where that cannot be written."""
    digest = hashlib.sha256(os.fsencode(state_dir.resolve())).hexdigest()[:12]
    return RUN_DIR / digest if os.access(RUN_DIR.parent, os.W_OK) else None


def _setting(name: str) -> str:
    return str(env.str(name, default="")).strip()
