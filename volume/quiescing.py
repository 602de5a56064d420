"""Guests that are held still, their file systems or all of them, while their volumes are snapshotted.

Apps above know guests; this one asks. Where nobody knows any, nothing is frozen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cloudweb.rpc import Order
from operations.holding import Resource


@dataclass(frozen=True, slots=True)
class Stillness:
    """What a host said of a guest: whether it is held still, of one that was thawed: whether it was.

    ``held`` are its file systems, ``paused`` is all of it. ``reason`` is a sentence for the tenant where
    it was not.
    """

    server_id: str
    held: bool
    reason: str = ""
    paused: bool = False


class Quiescer(Protocol):
    """Who can freeze guests."""

    def able(self, server_ids: Collection[str]) -> Sequence[str]:
        """Return those of these servers whose guests can be frozen, now."""

    def pausable(self, server_ids: Collection[str]) -> Mapping[str, bool]:
        """Return which of these servers can be held whole: whether each must be paused, or does not run."""

    def holds(self, server_ids: Sequence[str]) -> Sequence[Resource]:
        """Return what an operation holds that freezes them."""

    def freeze(
        self, server_ids: Sequence[str], *, paused: Sequence[str], name: str
    ) -> Sequence[Order]:
        """Order their file systems frozen for a short time, in the name of one wish; and some paused."""

    def thaw(self, server_ids: Sequence[str], *, name: str) -> Sequence[Order]:
        """Order that they go on, held or not."""

    def read(self, answer: Mapping[str, Any]) -> Stillness:
        """Return what the answer to an order says."""


_known: list[Quiescer] = []  # one, or none


def register(quiescer: Quiescer) -> None:
    """Let this one be asked."""
    _known[:] = [quiescer]


def able(server_ids: Collection[str]) -> Sequence[str]:
    """Return those of these servers whose guests can be frozen, now."""
    return _known[0].able(server_ids) if _known else ()


def holds(server_ids: Sequence[str]) -> Sequence[Resource]:
    """Return what an operation holds that freezes them."""
    return _known[0].holds(server_ids) if _known else ()


def pausable(server_ids: Collection[str]) -> Mapping[str, bool]:
    """Return which of these servers can be held whole: whether each must be paused, or does not run."""
    return _known[0].pausable(server_ids) if _known else {}


def freeze_orders(
    server_ids: Sequence[str], *, paused: Sequence[str], name: str
) -> Sequence[Order]:
    """Order their file systems frozen for a short time, in the name of one wish; and some paused."""
    return _known[0].freeze(server_ids, paused=paused, name=name) if _known else ()


def thaw_orders(server_ids: Sequence[str], *, name: str) -> Sequence[Order]:
    """Order that they go on, held or not."""
    return _known[0].thaw(server_ids, name=name) if _known else ()


def read(answers: Iterable[Mapping[str, Any]]) -> Sequence[Stillness]:
    """Return what the answers to orders say."""
    return [_known[0].read(answer) for answer in answers] if _known else ()
