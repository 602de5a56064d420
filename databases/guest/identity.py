"""Who the agent is: enrolled once by the token of its user data, then known by a key that it renews."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

from databases.guest import files, signing, wire
from databases.guest.channel import Channel, Numbers, Voice


class Identity:
    """``config.json`` came with the user data; ``identity.json`` is what enrolment gave."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.config = files.read_json(directory / "config.json")
        self._kept = files.read_json(directory / "identity.json")
        self.channel = Channel(str(self.config.get("url", "http://169.254.169.254")))
        self._numbers = Numbers(directory / "numbers.json")
        self._voice: Voice | None = None

    @property
    def orders_key(self) -> str:
        """The control plane's public key, pinned by the user data."""
        return str(self.config.get("orders_key") or self._kept.get("orders_key", ""))

    @property
    def instance(self) -> str:
        """Which database instance this is; "" before enrolment."""
        return str(self._kept.get("instance", ""))

    @property
    def topic(self) -> str:
        """The mailbox whose letters are ours."""
        return f"guestagent.{self.instance}"

    @property
    def poll(self) -> float:
        """How long the control plane holds a poll."""
        return float(self._kept.get("poll", 25.0))

    def enrol(self, report: dict[str, Any]) -> None:
        """Be known: once, unless it is done. Raises Away, Denied.

        The nonce stays on disk, so a lost answer is asked for again: the token counts for this nonce alone.
        """
        if self.instance:
            return
        nonce = str(self._kept.get("nonce") or secrets.token_hex(16))
        if "nonce" not in self._kept:
            self._keep({"nonce": nonce})
        words = {"token": str(self.config.get("token", "")), "nonce": nonce, "report": report}
        self._keep(self._granted(self.channel.tell("enrol", wire.dumped("Enrolment", words))))

    def renew_if_due(self) -> None:
        """Draw a new key when half of the time is over. Raises Away, Denied."""
        until, since = float(self._kept["valid_until"]), float(self._kept["since"])
        if time.time() < since + (until - since) / 2:
            return
        self._keep(self._granted(self.voice().say("renew", wire.dumped("NoArguments", {}))))
        self._voice = None

    def voice(self) -> Voice:
        """Return what speaks by the present key."""
        if self._voice is None:
            key = bytes.fromhex(str(self._kept["key"]))
            self._voice = Voice(
                self.channel, instance=self.instance, key=key, numbers=self._numbers
            )
        return self._voice

    def opened(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return a letter of ours; raise BadSignature."""
        return signing.opened(message, topic=self.topic, public_key=self.orders_key)

    def _granted(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {**wire.loaded("Enrolled", answer), "since": time.time()}

    def _keep(self, kept: dict[str, Any]) -> None:
        files.write_json(self._directory / "identity.json", kept)
        self._kept = kept
