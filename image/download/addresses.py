"""Which addresses a download may reach: public ones, and what the operator allows."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: IANA's special-purpose ranges and multicast; a list of our own, since Python's grew with its releases.
_SPECIAL_V4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
#: Of IPv6 only global unicast, without protocol assignments (Teredo too), documentation and 6to4.
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = [
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
_MAPPED, _NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")


def networks(texts: Sequence[str]) -> list[Network]:
    """Return the ranges an operator lists; raise ValueError for what is none."""
    return [ip_network(text.strip()) for text in texts]


def is_allowed(address: Address, allow: Sequence[Network] = ()) -> bool:
    """Tell whether a download may connect there.

    An IPv4 address inside an IPv6 one (mapped, NAT64) is judged itself.
    """
    if any(address in network for network in allow if network.version == address.version):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    if address in _MAPPED or address in _NAT64:
        return is_allowed(IPv4Address(int(address) & 0xFFFFFFFF), allow)
    return address in _GLOBAL_V6 and not any(address in network for network in _SPECIAL_V6)
