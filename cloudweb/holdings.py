"""What hangs on a resource and keeps it from being deleted: apps above say it, the one below asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Literal

Noun = Literal["project", "network", "image", "flavor", "volume type", "host"]
#: The id of a resource -> plural noun of what hangs on it -> how many.
Count = Callable[[str], Mapping[str, int]]

_counts: defaultdict[Noun, list[Count]] = defaultdict(list)


def hangs_on(noun: Noun) -> Callable[[Count], Count]:
    """Register a function that counts what an app has hanging on a resource."""

    def register(count: Count) -> Count:
        if count not in _counts[noun]:
            _counts[noun].append(count)
        return count

    return register


def holdings_of(noun: Noun, resource_id: str) -> dict[str, int]:
    """Return what hangs on a resource, as plural noun -> count, without what is none."""
    found: dict[str, int] = {}
    for count in _counts[noun]:
        for what, number in count(resource_id).items():
            if number:
                found[what] = found.get(what, 0) + number
    return found


def listed(holdings: Mapping[str, int]) -> str:
    """Return them as a sentence says it: ``2 servers, 1 volumes``."""
    return ", ".join(f"{count} {noun}" for noun, count in sorted(holdings.items()))


def forget(noun: Noun, count: Count) -> None:
    """Take a function out again (tests)."""
    _counts[noun].remove(count)
