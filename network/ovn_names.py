"""Names that both OVN's writer and the hosts' driver make from ids, so that neither has to tell the other."""

from __future__ import annotations

import hashlib

#: What Geneve adds to each packet: outer IPv4 (20), UDP (8), Geneve with OVN's options (16), inner Ethernet (14).
OVERHEAD = 58
#: Where guests ask for metadata.
METADATA_ADDRESS = "169.254.169.254"


def metadata_port(network_id: str) -> str:
    """Return what the port is called that each host has of a network for metadata."""
    return f"metadata-{network_id}"


def metadata_mac(network_id: str) -> str:
    """Return that port's MAC address, which is the same on all hosts, and the one DHCP answers from."""
    digest = hashlib.sha256(network_id.encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (0x02, *digest[:5]))
