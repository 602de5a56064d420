"""The name servers that answer what a network's own DNS does not know."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path

RESOLVER_FILES = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def resolvers(files: Sequence[Path] = RESOLVER_FILES) -> Sequence[str]:
    """Return the host's name servers that a namespace can reach: none on the loopback."""
    for file in files:
        if not file.exists():
            continue
        found = []
        for line in file.read_text(errors="replace").splitlines():
            words = line.split()
            if len(words) >= 2 and words[0] == "nameserver":
                try:
                    address = ipaddress.IPv4Address(words[1])
                except ValueError:
                    continue
                if not address.is_loopback:
                    found.append(str(address))
        if found:
            return found
    return ()
