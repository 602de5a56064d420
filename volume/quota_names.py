"""What quotas of volumes are called, also those of one type alone."""

from __future__ import annotations

from collections.abc import Mapping

SERVICE = "volume"
#: What may be limited for volumes of one type, before its name.
PREFIXES = ("volumes_", "snapshots_", "gigabytes_")


def of_type(name: str) -> list[str]:
    """Return the quotas of one type, as clients name them."""
    return [f"{prefix}{name}" for prefix in PREFIXES]


def renamed(before: str, after: str) -> Mapping[str, str]:
    """Return what becomes of the quotas of a type that gets another name."""
    return dict(zip(of_type(before), of_type(after), strict=True))
