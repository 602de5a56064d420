"""Timestamps as each service writes them (contract 1.6). All times are kept in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def seconds_z(moment: datetime | None) -> str | None:
    """2026-01-31T10:11:12Z: compute, network, image."""
    return None if moment is None else f"{_utc(moment):%Y-%m-%dT%H:%M:%SZ}"


def micros(moment: datetime | None) -> str | None:
    """2026-01-31T10:11:12.000000: compute's instance actions, services, launched_at."""
    return None if moment is None else f"{_utc(moment):%Y-%m-%dT%H:%M:%S.%f}"


def micros_z(moment: datetime | None) -> str | None:
    """2026-01-31T10:11:12.000000Z: tokens."""
    return None if moment is None else f"{_utc(moment):%Y-%m-%dT%H:%M:%S.%fZ}"
