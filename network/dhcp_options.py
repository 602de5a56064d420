"""Options that a port's owner adds to DHCP's answers: which there are, what they hold, how dnsmasq is told.

dnsmasq ends, with all it serves, at a line that it does not understand. So an option is taken apart here
and written anew, and what is not understood is refused. Names are dnsmasq's, as clients write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from cloudweb.addresses import parse_address, parse_block

_TEXT = re.compile(r"^[ !#-\[\]-~]{1,255}\Z")  # printable, no quotation mark, no backslash
_NAME = re.compile(r"^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9_-]{1,63})*\.?\Z")
_BYTES = re.compile(r"^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){1,127}\Z")
_DIGITS = re.compile(r"^[0-9]{1,10}\Z")
Write = Callable[[str], str]
#: What dnsmasq gives no meaning to, or leaves out where it is empty.
MAY_BE_EMPTY = frozenset({"router", "classless-static-route"})


def _parts(value: str) -> list[str]:
    found = [part.strip() for part in value.split(",")]
    if len(found) > 32:
        raise ValueError("It holds too many parts")
    return found


def _address(text: str, version: int) -> str:
    address = parse_address(text.strip("[]"))
    if address.version != version:
        raise ValueError(f"It needs IPv{version} addresses")
    return f"[{address}]" if version == 6 else str(address)


def _addresses(value: str, *, version: int = 4, each: int = 1) -> str:
    found = [_address(part, version) for part in _parts(value)]
    if len(found) % each:
        raise ValueError("It needs pairs of addresses")
    return ",".join(found)


def _routes(value: str) -> str:
    parts = _parts(value)
    if len(parts) % 2:
        raise ValueError("It needs pairs of block and next hop")
    found = []
    for destination, hop in zip(parts[::2], parts[1::2], strict=True):
        block = parse_block(destination)
        if block.version != 4:
            raise ValueError("It needs IPv4 blocks")
        found += [str(block), _address(hop, 4)]
    return ",".join(found)


def _number(value: str, *, most: int) -> str:
    if not _DIGITS.match(value) or int(value) > most:
        raise ValueError(f"It needs a number up to {most}")
    return str(int(value))


def _text(value: str) -> str:
    if not _TEXT.match(value) or value != value.strip():
        raise ValueError(
            "It needs 1 to 255 printable characters, no quotation mark and no backslash"
        )
    return f'"{value}"'


def _names(value: str) -> str:
    found = _parts(value)
    if not all(len(name) < 254 and _NAME.match(name) for name in found):
        raise ValueError("It needs DNS names")
    return ",".join(found)


def _anything(value: str, *, version: int) -> str:
    """Write what a number without a name holds, by its look: addresses, a number, bytes, else text."""
    if _BYTES.match(value):
        return value
    if _DIGITS.match(value):
        return _number(value, most=2**32 - 1)
    try:
        return _addresses(value, version=version)
    except ValueError:
        return _text(value)


_octet, _short, _long = (partial(_number, most=2**bits - 1) for bits in (8, 16, 32))
_six = partial(_addresses, version=6)
_pairs = partial(_addresses, each=2)
_FOUR: Mapping[int, tuple[str, Write]] = {
    2: ("time-offset", _long), 3: ("router", _addresses), 6: ("dns-server", _addresses),
    7: ("log-server", _addresses), 9: ("lpr-server", _addresses), 13: ("boot-file-size", _short),
    15: ("domain-name", _names), 16: ("swap-server", _addresses), 17: ("root-path", _text),
    18: ("extension-path", _text), 19: ("ip-forward-enable", _octet),
    20: ("non-local-source-routing", _octet), 21: ("policy-filter", _pairs),
    22: ("max-datagram-reassembly", _short), 23: ("default-ttl", _octet), 26: ("mtu", _short),
    27: ("all-subnets-local", _octet), 31: ("router-discovery", _octet),
    32: ("router-solicitation", _addresses), 33: ("static-route", _pairs),
    34: ("trailer-encapsulation", _octet), 35: ("arp-timeout", _long),
    36: ("ethernet-encap", _octet), 37: ("tcp-ttl", _octet), 38: ("tcp-keepalive", _long),
    40: ("nis-domain", _text), 41: ("nis-server", _addresses), 42: ("ntp-server", _addresses),
    44: ("netbios-ns", _addresses), 45: ("netbios-dd", _addresses),
    46: ("netbios-nodetype", _octet), 48: ("x-windows-fs", _addresses),
    49: ("x-windows-dm", _addresses), 64: ("nis+-domain", _text), 65: ("nis+-server", _addresses),
    66: ("tftp-server", _text), 67: ("bootfile-name", _text), 68: ("mobile-ip-home", _addresses),
    69: ("smtp-server", _addresses), 70: ("pop3-server", _addresses),
    71: ("nntp-server", _addresses), 74: ("irc-server", _addresses), 100: ("posix-timezone", _text),
    101: ("tzdb-timezone", _text), 108: ("ipv6-only", _long), 119: ("domain-search", _names),
    121: ("classless-static-route", _routes), 150: ("tftp-server-address", _addresses),
    255: ("server-ip-address", _addresses),
}  # fmt: skip
_SIX: Mapping[int, tuple[str, Write]] = {
    22: ("sip-server", _six), 23: ("dns-server", _six), 24: ("domain-search", _names),
    27: ("nis-server", _six), 28: ("nis+-server", _six), 29: ("nis-domain", _names),
    30: ("nis+-domain", _names), 31: ("sntp-server", _six),
    32: ("information-refresh-time", _long), 41: ("posix-timezone", _text),
    42: ("tzdb-timezone", _text), 59: ("bootfile-url", _text),
}  # fmt: skip
TABLES = {4: _FOUR, 6: _SIX}
#: Numbers without a name that may be said; the others are the protocol's own, or dnsmasq's.
_FREE = {4: range(128, 255), 6: range(66, 1000)}


def written(name: str, value: str, *, version: int) -> tuple[str, str]:
    """Return an option's name and value as dnsmasq is told; raise ValueError for one that it is not told."""
    table = TABLES[version]
    number = int(name) if _DIGITS.match(name) else None
    if number is not None and number not in table:
        if number not in _FREE[version]:
            raise ValueError(f"Option {number} of DHCP for IPv{version} is not a port's to say")
        return str(number), _anything(value, version=version)
    for code, (known, write) in table.items():
        if number == code or name == known:
            if not value and known in MAY_BE_EMPTY and version == 4:
                return known, ""
            return known, write(value)
    raise ValueError(f"DHCP for IPv{version} has no such option")


def option_texts(name: str, value: str, *, version: int) -> list[str]:
    """Return what stands behind the tag in each line that tells dnsmasq an option; raise ValueError."""
    known, text = written(name, value, version=version)
    word = "option6" if version == 6 else "option"
    told = [
        f"{word}:{known}" if not known.isdigit() else (f"{word}:{known}" if version == 6 else known)
    ]
    if known == "classless-static-route":
        told.append("249")  # its elder, which some guests ask for
    return [f"{one},{text}" if text else one for one in told]
