"""IP addresses that somebody wrote: without a zone, and in the one form that is stored and compared.

Python's ``ipaddress`` takes a zone with anything in it (``fd00::5%`` and a line of its writer's
choice), equal to no other address and written as it came. Nothing here has one, so every address
from outside is read by these functions; a test keeps the others away.
"""

from __future__ import annotations

import ipaddress
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

Address = IPv4Address | IPv6Address
Block = IPv4Network | IPv6Network
Interface = IPv4Interface | IPv6Interface


def parse_address(text: str) -> Address:
    """Read an address; raise ValueError."""
    return ipaddress.ip_address(_without_zone(text))


def parse_block(text: str) -> Block:
    """Read a network, or an address as the network of its own; what is set behind its length is cut.

    Raises ValueError.
    """
    return ipaddress.ip_network(_without_zone(text), strict=False)


def parse_interface(text: str) -> Interface:
    """Read an address with the length of its network; raise ValueError."""
    return ipaddress.ip_interface(_without_zone(text))


def canonical_address(text: str) -> str:
    """Return an address as it is stored; raise ValueError."""
    return str(parse_address(text))


def canonical_block(text: str) -> str:
    """Return a network as it is stored, nothing set behind its length; raise ValueError."""
    return str(parse_block(text))


def canonical_prefix(text: str) -> str:
    """Return an address, or one with a length, as it is stored; raise ValueError.

    Bits behind the length stay: clients get back what they said.
    """
    return str(parse_interface(text)) if "/" in text else canonical_address(text)


def _without_zone(text: str) -> str:
    if "%" in text:
        raise ValueError("An address has no zone here")
    return text.strip()
