"""Who gets which address.

What is free in a subnet's pools is kept as ranges (``FreeRange``), so an allocation costs the same
in a /29 and in a /8: it reads the lowest range and takes its first address by a conditional write.
The loser of a race reads again. The unique address row (``PortAddress``) has the last word; the
ranges only say where to look. Everything here runs inside the caller's transaction.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from cloudweb.addresses import parse_address
from cloudweb.database.prepared import Given, Prepared, PreparedUpdate, insert
from network.models import FreeRange, PortAddress, Subnet

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
A = TypeVar("A", ipaddress.IPv4Address, ipaddress.IPv6Address)

#: Bound of the reads that a loser of races makes before it gives up; each means another has won.
_PATIENCE = 10_000


_LOWEST = Prepared(lambda: FreeRange.objects.filter(subnet=Given("subnet")).order_by("first")[:1])
_RAISE = PreparedUpdate(
    lambda: FreeRange.objects.filter(id=Given("id"), first=Given("was"), last=Given("last")),
    "first",
)


def key(address: Address | int) -> str:
    """Return an address as 32 hexadecimal digits, whose order as text is that of addresses."""
    return f"{int(address):032x}"


def _address(text: str, version: int) -> Address:
    number = int(text, 16)
    return ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number)


def _neighbour(text: str, step: int) -> str:
    return key(int(text, 16) + step) if int(text, 16) + step >= 0 else ""


def take_next(subnet: Subnet) -> str | None:
    """Take the lowest free address of the pools; None when they are exhausted."""
    for _ in range(_PATIENCE):
        free = _LOWEST.row(subnet=subnet.id)
        if free is None:
            return None
        if _shrink(free, free.first):
            return str(_address(free.first, subnet.ip_version))
    return None


def take(subnet: Subnet, address: Address) -> None:
    """Take one address out of what is free; an address outside the pools needs nothing."""
    wanted = key(address)
    for _ in range(_PATIENCE):
        free = FreeRange.objects.filter(subnet=subnet, first__lte=wanted).order_by("-first").first()
        if free is None or free.last < wanted or _shrink(free, wanted):
            return


def _shrink(free: FreeRange, wanted: str) -> bool:
    """Cut one address out of a range, unless another transaction was faster."""
    same = FreeRange.objects.filter(id=free.id, first=free.first, last=free.last)
    if free.first == free.last:
        return bool(same.delete()[0])
    if wanted == free.first:
        new = _neighbour(wanted, +1)
        return bool(_RAISE(id=free.id, was=free.first, last=free.last, first=new))
    if not same.update(last=_neighbour(wanted, -1)):
        return False
    if wanted != free.last:
        FreeRange.objects.create(
            subnet_id=free.subnet_id, first=_neighbour(wanted, +1), last=free.last
        )
    return True


def give_back(subnet: Subnet, address: Address) -> None:
    """Make an address of a pool free again, joining it to free neighbours."""
    if not any(int(start) <= int(address) <= int(end) for start, end in _pools(subnet)):
        return
    first = last = key(address)
    ranges = FreeRange.objects.filter(subnet=subnet)
    right = ranges.filter(first=_neighbour(last, +1)).first()
    if right and ranges.filter(id=right.id, first=right.first, last=right.last).delete()[0]:
        last = right.last
    if not ranges.filter(last=_neighbour(first, -1)).update(last=last):
        FreeRange.objects.create(subnet=subnet, first=first, last=last)


def rebuild(subnet: Subnet) -> None:
    """Work out anew what is free, after the pools were set. Costs a read of the subnet's addresses."""
    ranges = FreeRange.objects.filter(subnet=subnet)
    while ranges.delete()[0]:
        pass  # another transaction may have split a range while the delete waited for it
    used = sorted(
        int(parse_address(text))
        for text in PortAddress.objects.filter(subnet=subnet).values_list("ip_address", flat=True)
    )
    _open(subnet, used)


def open_up(subnet: Subnet) -> None:
    """Work out what is free on a subnet that has just been made."""
    _open(subnet, ())


def _open(subnet: Subnet, used: Sequence[int]) -> None:
    ranges = [
        FreeRange(subnet=subnet, first=key(first), last=key(last))
        for start, end in _pools(subnet)
        for first, last in _gaps(int(start), int(end), used)
    ]
    if ranges:
        insert(*ranges)


def _gaps(start: int, end: int, used: Iterable[int]) -> Iterable[tuple[int, int]]:
    for number in used:
        if start <= number <= end:
            if start < number:
                yield start, number - 1
            start = number + 1
    if start <= end:
        yield start, end


def _pools(subnet: Subnet) -> Sequence[tuple[Address, Address]]:
    return [
        (parse_address(pool["start"]), parse_address(pool["end"]))
        for pool in subnet.allocation_pools
    ]


def pool_size(subnet: Subnet) -> int:
    """Return how many addresses the pools hold."""
    return sum(int(end) - int(start) + 1 for start, end in _pools(subnet))


def free_of(subnet: Subnet) -> int:
    """Return how many addresses of the pools no port has."""
    return sum(int(one.last, 16) - int(one.first, 16) + 1 for one in subnet.free_ranges.all())


def default_pools(cidr: Network, gateway: Address | None) -> list[Mapping[str, str]]:
    """Return all host addresses but the gateway, as pools."""
    first, last = int(cidr.network_address), int(cidr.broadcast_address)
    if cidr.version == 4 and cidr.prefixlen < 31:
        first, last = first + 1, last - 1
    elif cidr.version == 6 and cidr.prefixlen < 127:
        first += 1
    make = type(cidr.network_address)
    taken = [int(gateway)] if gateway is not None else []
    return [{"start": str(make(a)), "end": str(make(b))} for a, b in _gaps(first, last, taken)]


def self_made_address(subnet: Subnet, mac: str) -> str:
    """Return the address a guest makes itself from its MAC address (EUI-64, RFC 4291)."""
    block = ipaddress.IPv6Network(subnet.cidr)
    octets = bytes.fromhex(mac.replace(":", ""))
    middle = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(block.network_address + int.from_bytes(middle, "big"))
