"""Why a server is in ERROR, taken apart so that it can be read at a glance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.components.words import in_words

_SCHEDULER = re.compile(
    r"^(?P<headline>No valid host was found\.) (?P<total>Of [\d,]+ hosts?), (?P<reasons>.+?)\. "
    r"(?P<remedy>[A-Z].*)$",
    re.DOTALL,
)
_NEXT_REASON = re.compile(r"(?:, | and )(?=[\d,]+ [a-z])")


@dataclass(frozen=True, slots=True)
class Fault:
    """A headline; for a server that fits nowhere also each reason, and what would help."""

    headline: str
    total: str = ""
    reasons: Sequence[str] = ()
    remedy: str = ""


def fault_of(message: str) -> Fault | None:
    """Return a fault's parts; None without a fault. Unknown sentences are shown as they are."""
    if not message:
        return None
    found = _SCHEDULER.match(message)
    if found is None:
        return Fault(in_words(message))
    reasons = _NEXT_REASON.split(found["reasons"])
    return Fault(in_words(found["headline"]), found["total"], reasons, found["remedy"])
