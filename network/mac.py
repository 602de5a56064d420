"""MAC addresses."""

from __future__ import annotations

import re
import secrets

PREFIX = "fa:16:3e"
#: As Neutron decides: any other may be said, a group's too (for an address pair it makes sense).
NOBODYS = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})
_FORM = re.compile(r"^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\Z")


def random_mac() -> str:
    """Return an address of the locally administered block that clouds use."""
    return ":".join([PREFIX, *(f"{octet:02x}" for octet in secrets.token_bytes(3))])


def normal_mac(text: str) -> str:
    """Return ``aa:bb:cc:dd:ee:ff``; raise ValueError for what no port can have."""
    mac = text.strip().lower().replace("-", ":")
    if not _FORM.match(mac):
        raise ValueError("It must be a MAC address")
    if mac in NOBODYS:
        raise ValueError(f"{mac} is no port's MAC address")
    return mac
