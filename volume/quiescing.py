"""Guests whose file systems are frozen while their volumes are snapshotted.

Apps above know guests; this one asks. Where nobody knows any, nothing is frozen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from cloudweb.rpc import Order
from operations.holding import Resource


class Quiescer(Protocol):
    """Who can freeze guests. An answer to an order has ``held``, and else ``reason``."""

    def able(self, server_ids: Collection[str]) -> Sequence[str]:
        """Return those of these servers whose guests can be frozen, now."""

    def holds(self, server_ids: Iterable[str]) -> Sequence[Resource]:
        """Return what an operation holds that freezes them."""

    def freeze(self, server_ids: Sequence[str], *, name: str) -> Sequence[Order]:
        """Order their file systems frozen for a short time, in the name of one wish."""

    def thaw(self, server_ids: Sequence[str], *, name: str) -> Sequence[Order]:
        """Order them thawed, frozen or not."""


_quiescers: list[Quiescer] = []


def register(quiescer: Quiescer) -> None:
    """Let this one be asked."""
    if quiescer not in _quiescers:
        _quiescers.append(quiescer)


def able(server_ids: Collection[str]) -> Sequence[str]:
    """Return those of these servers whose guests can be frozen, now."""
    return [found for one in _quiescers for found in one.able(server_ids)]


def holds(server_ids: Iterable[str]) -> Sequence[Resource]:
    """Return what an operation holds that freezes them."""
    ids = [*server_ids]
    return [found for one in _quiescers for found in one.holds(ids)]


def freeze_orders(server_ids: Sequence[str], *, name: str) -> Sequence[Order]:
    """Order their file systems frozen for a short time, in the name of one wish."""
    return [order for one in _quiescers for order in one.freeze(server_ids, name=name)]


def thaw_orders(server_ids: Sequence[str], *, name: str) -> Sequence[Order]:
    """Order them thawed, frozen or not."""
    return [order for one in _quiescers for order in one.thaw(server_ids, name=name)]
