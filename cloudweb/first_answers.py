"""What keeps the first answers to POSTs that may be sent again (cloudweb/api/once.py) must do."""

from __future__ import annotations

from typing import Protocol


class KeyTaken(Exception):
    """Somebody else has kept an answer under the key meanwhile."""


class FirstAnswers(Protocol):
    """Who keeps answers, by scope and key, for a day."""

    def find(self, scope: str, key: str) -> tuple[str, bytes] | None:
        """Return the fingerprint of the request and its answer."""

    def check_room(self, scope: str) -> None:
        """Raise TooManyRequests when the scope keeps as much as it may."""

    def keep(self, scope: str, key: str, fingerprint: str, answer: bytes) -> None:
        """Keep an answer, in the transaction that is open; raise KeyTaken."""
