"""Versions within a service's API, and which of them each service speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Microversion(NamedTuple):
    """A version such as 2.96; compares as numbers do, part by part."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class VersionRange:
    """What a service speaks; ``legacy_header`` is compute's older request header."""

    service: str
    minimum: Microversion
    maximum: Microversion
    legacy_header: str | None = None


COMPUTE = VersionRange(
    "compute", Microversion(2, 1), Microversion(2, 96), "X-OpenStack-Nova-API-Version"
)
VOLUME = VersionRange("volume", Microversion(3, 0), Microversion(3, 70))
