"""Where a datastore is in its guest: programs, data, socket, and whose processes they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """``data`` is a directory on the volume, ``run`` one that a reboot may empty."""

    data: Path
    run: Path
    port: int
    user: str  # of the operating system; "" is the agent's own
    address: str = "*"  # what it listens at
    #: Settings of the place that no tenant may change (tests make datastores small by them).
    fixed: Mapping[str, str] = {}
    templates: Path = Path("/usr/share/cloudweb-guest")
    #: Where ``key.pem``, ``certificate.pem`` and ``authority.pem`` of the guest are; None while there are none.
    tls: Path | None = None
    require_tls: bool = False  # of who comes from outside

    @property
    def owner(self) -> tuple[int, int] | None:
        """Return uid and gid of whom files belong to; None is the agent's own."""
        import pwd

        if not self.user:
            return None
        found = pwd.getpwnam(self.user)
        return found.pw_uid, found.pw_gid
