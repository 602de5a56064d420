"""Sets of processors as they are written: ``0-3,8,^2`` is 0, 1, 3 and 8."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise


def parse_cpu_set(text: str, *, most: int = 4096) -> tuple[int, ...]:
    """Return the numbers, the least first; raise ValueError for what is none, or has more than ``most``."""
    found: set[int] = set()
    without: set[int] = set()
    for part in filter(None, (one.strip() for one in text.split(","))):
        numbers = _numbers(part.removeprefix("^"), most)
        (without if part.startswith("^") else found).update(numbers)
    return tuple(sorted(found - without))


def _numbers(part: str, most: int) -> range:
    first, dash, last = (one.strip() for one in part.partition("-"))
    for number in (first, last) if dash else (first,):
        if not (number.isascii() and number.isdigit()) or len(number) > 9:
            raise ValueError(f"not a set of processors: {part[:80]}")
    end = int(last) if dash else int(first)
    if int(first) > end or end >= most:
        raise ValueError(f"not a set of processors: {part[:80]}")
    return range(int(first), end + 1)


def cpu_set(numbers: Iterable[int]) -> str:
    """Return ``0-3,8``."""
    known = sorted(set(numbers))
    if not known:
        return ""
    starts = [known[0]] + [new for old, new in pairwise(known) if new != old + 1]
    ends = [old for old, new in pairwise(known) if new != old + 1] + [known[-1]]
    return ",".join(
        str(start) if start == end else f"{start}-{end}"
        for start, end in zip(starts, ends, strict=True)
    )
