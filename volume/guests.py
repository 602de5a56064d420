"""Guests that copy their volumes themselves, where nobody else stands between a guest and its volume.

Apps above know guests; this one asks. Where nobody knows any, none copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cloudweb.rpc import Order
from operations.holding import Resource
from volume.objects import VolumeConnection

NOBODY = "no hypervisor is there that copies it"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a server's guest has by an attachment, and what it shall have by the same."""

    server_id: str
    attachment_id: str
    after: VolumeConnection


class Copier(Protocol):
    """Who can let guests copy what is under their disks, and go over to the copy."""

    def obstacle(self, server_id: str) -> str:
        """Return why a server's guest cannot copy its volumes now, as part of a sentence; nothing if it can."""

    def holds(self, server_id: str) -> Sequence[Resource]:
        """Return what an operation holds for which a guest copies."""

    def mirror(self, copy: Copy) -> Order:
        """Order the copy, to which all is written from then on; raise StepFailed."""

    def end_mirror(self, copy: Copy) -> Order | None:
        """Order the guest to write to the copy no more, unless it has gone over."""

    def go_over(self, copy: Copy) -> Order:
        """Order the guest over to the copy, if nothing is missing there; raise StepFailed."""

    def has_gone_over(self, answer: Mapping[str, Any]) -> bool:
        """Tell what the answer to that says."""


_known: list[Copier] = []  # one, or none


def register(copier: Copier) -> None:
    """Let this one be asked."""
    _known[:] = [copier]


def obstacle(server_id: str) -> str:
    """Return why a server's guest cannot copy its volumes now; nothing if it can."""
    return _known[0].obstacle(server_id) if _known else NOBODY


def holds(server_id: str) -> Sequence[Resource]:
    """Return what an operation holds for which a guest copies."""
    return _known[0].holds(server_id) if _known else ()


def copier() -> Copier:
    """Return who orders it; ask for obstacles before."""
    return _known[0]
