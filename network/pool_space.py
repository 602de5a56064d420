"""What is free in a pool's blocks; pure functions of prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import collapse_addresses

from cloudweb.addresses import Block, parse_block


def compact(prefixes: Iterable[str | Block]) -> list[str]:
    """Return the fewest prefixes that say the same, in order; all are of one IP version."""
    blocks = [parse_block(one) if isinstance(one, str) else one for one in prefixes]
    return [str(block) for block in collapse_addresses(blocks)]  # type: ignore[type-var]


def within(block: Block, prefixes: Iterable[str]) -> bool:
    """Tell whether one of the compact prefixes holds all of a block."""
    return any(_holds(parse_block(prefix), block) for prefix in prefixes)


def overlapping(prefixes: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether any address is in both."""
    blocks = [parse_block(one) for one in others]
    return any(
        block.version == other.version and block.overlaps(other)
        for block in map(parse_block, prefixes)
        for other in blocks
    )


def without(prefixes: Iterable[str], gone: Iterable[str]) -> list[str]:
    """Return what is left of prefixes."""
    left = [parse_block(one) for one in prefixes]
    for hole in map(parse_block, gone):
        left = [part for block in left for part in _minus(block, hole)]
    return compact(left)


def first_free(prefixes: Iterable[str], taken: Iterable[str], length: int) -> Block | None:
    """Return the lowest block of this length that is free, None for none."""
    spans = sorted(_span(parse_block(one)) for one in taken)
    for prefix in map(parse_block, prefixes):
        if prefix.prefixlen > length:
            continue
        size = 1 << (prefix.max_prefixlen - length)
        start, end = _span(prefix)
        for first, last in (*spans, (end + 1, end + 1)):
            if last < start:
                continue
            if start + size <= min(first, end + 1):
                break
            start = max(start, -(-(last + 1) // size) * size)
        if start + size - 1 <= end:
            return type(prefix)((start, length))
    return None


def _span(block: Block) -> tuple[int, int]:
    return int(block.network_address), int(block.broadcast_address)


def _holds(outer: Block, inner: Block) -> bool:
    return outer.version == inner.version and _within(_span(inner), _span(outer))


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _minus(block: Block, hole: Block) -> Sequence[Block]:
    if block.version != hole.version or not block.overlaps(hole):
        return [block]
    if _holds(hole, block):
        return []
    return [*block.address_exclude(hole)]  # type: ignore[arg-type]
