"""How a host speaks: numbered, dated and signed with its own key."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from cloudweb.messages import Envelope
from cloudweb.objects import VersionedObject
from cloudweb.signing import mac

Message = dict[str, Any]


class Voice:
    """Signs what a host says and sends it; nothing is sent under a lock (OPERATIONS 50)."""

    def __init__(
        self, host: str, boot_id: str, key: bytes, send: Callable[[Message], bool]
    ) -> None:
        self.host, self.boot_id = host, boot_id
        self.send = send
        self._key = key
        self._lock = threading.Lock()
        self._seq = 0

    def number(self) -> int:
        """Draw the number of what is said next."""
        with self._lock:
            self._seq += 1
            return self._seq

    def say(self, kind: str, said: VersionedObject, *, number: int | None = None) -> bool:
        """Send one envelope; tell whether the broker took it."""
        seq = self.number() if number is None else number
        envelope = Envelope(
            host=self.host,
            boot_id=self.boot_id,
            seq=seq,
            sent_at=time.time(),
            kind=kind,
            body=said.dump(),
        )
        message = json.loads(json.dumps(envelope.flat()))
        return self.send({**message, "mac": mac(self._key, message)})
