"""What other programs read, dnsmasq and nft: a line stays one line, an address is an address.

The API lets neither in. Here it is held once more, since what gets through would be a line of a
tenant's in a file of the host.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from cloudweb.addresses import Address, Block, parse_address, parse_block
from cloudweb.driver import DriverError


def written(lines: Iterable[str]) -> str:
    """Return lines as the text of a file; raise DriverError for one with a control character."""
    return "".join(f"{line}\n" for line in checked(lines))


def checked(lines: Iterable[str]) -> Sequence[str]:
    """Return the lines, or the words of a command; raise DriverError for a control character."""
    found = [*lines]
    for line in found:
        if any(unicodedata.category(char) == "Cc" for char in line):
            raise DriverError("What a host is told holds a control character.", detail=repr(line))
    return found


def address(text: str) -> Address:
    """Read an address of a wiring; raise DriverError."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise DriverError("A wiring holds a broken address.", detail=repr(text)) from error


def block(text: str) -> Block:
    """Read a network of a wiring; raise DriverError."""
    try:
        return parse_block(text)
    except ValueError as error:
        raise DriverError("A wiring holds a broken address.", detail=repr(text)) from error
