"""Texts that OVN parses: what is put into them is quoted, or left out where it has no business there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from cloudweb.addresses import parse_address, parse_block

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z")


def quoted(text: str) -> str:
    """Return a string as OVN's lexer reads one; control characters have no business in any."""
    plain = "".join(sign for sign in text if sign.isprintable())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def domain_name(text: str) -> str | None:
    """Return a DNS name in small letters without its last dot; None for what is none."""
    name = text.lower().rstrip(".")
    return name if len(name) <= 253 and _NAME.match(name) else None


def listed(addresses: Sequence[str]) -> str:
    """Return addresses as a set, one without braces."""
    checked = [str(parse_address(address)) for address in addresses]
    return checked[0] if len(checked) == 1 else "{" + ", ".join(checked) + "}"


def routes(pairs: Sequence[tuple[str, str]]) -> str:
    """Return (destination, next hop) pairs as the option of DHCP."""
    checked = [f"{parse_block(to)},{parse_address(by)}" for to, by in pairs]
    return "{" + ", ".join(checked) + "}"


def symbol(kind: str, *ids: UUID) -> str:
    """Return the name of a port group or address set: letters, digits and underscores."""
    return "_".join((kind, *(one.hex for one in ids)))
