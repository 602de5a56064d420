"""The way to the control plane: HTTP to the metadata address, a connection for each question."""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from databases.guest import files, signing

PREFIX = "/openstack/database"
TIMEOUT = 20.0
#: A log of half a year has fifty thousand pieces, of which a letter names each (``network/metadata_proxy.py``).
ANSWER_LIMIT = 20 << 20


class Away(Exception):
    """Nobody answers now, or not sensibly: try again later."""


class Denied(Exception):
    """The control plane refuses us; ``status`` says how."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(f"{status} {text}")


class Channel:
    """Asks at one address. It follows no redirections and reads no proxy settings."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "", place.port or 80

    def ask(self, method: str, path: str, body: bytes = b"", *, timeout: float = TIMEOUT) -> bytes:
        """Return the answer's body; raise Away or Denied."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        try:
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request(method, f"{PREFIX}/{path}", body or None, headers)
            answer = connection.getresponse()
            said = answer.read(ANSWER_LIMIT)
        except (OSError, http.client.HTTPException) as error:
            raise Away(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 500 or answer.status in (401, 403, 408, 429):
            raise Away(f"status {answer.status}")
        if answer.status >= 300:
            raise Denied(answer.status, said[:300].decode("utf-8", "replace").strip())
        return said

    def tell(
        self, path: str, message: dict[str, Any], *, timeout: float = TIMEOUT
    ) -> dict[str, Any]:
        """Post an object and return the one that is answered; raise Away or Denied."""
        said = self.ask("POST", path, json.dumps(message).encode(), timeout=timeout)
        try:
            found = json.loads(said)
        except ValueError as error:
            raise Away("an answer that is no JSON") from error
        if not isinstance(found, dict):
            raise Away("an answer that is no object")
        return found


class Numbers:
    """Numbers that rise from word to word within a lane, across restarts of the agent."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._last = {lane: int(number) for lane, number in files.read_json(path).items()}

    def next(self, lane: str) -> int:
        """Return a number above any before; the clock makes it above a lost file's, too."""
        with self._lock:
            number = max(self._last.get(lane, 0) + 1, int(time.time() * 1000))
            self._last[lane] = number
            files.write_json(self._path, dict(self._last))
            return number


class Voice:
    """Says things as the guest whose key it has. One word of a lane at a time, so that numbers rise."""

    def __init__(self, channel: Channel, *, instance: str, key: bytes, numbers: Numbers) -> None:
        self._channel, self._numbers = channel, numbers
        self._instance, self.key = instance, key
        self._lanes = {"mailbox": threading.Lock(), "word": threading.Lock()}

    def say(self, kind: str, body: dict[str, Any], *, timeout: float = TIMEOUT) -> dict[str, Any]:
        """Post a signed envelope; ``kind`` is mailbox, result, heartbeat or renew. Raises Away, Denied."""
        lane = "mailbox" if kind == "mailbox" else "word"
        with self._lanes[lane]:
            envelope = {
                "v": "1.0",
                "instance": self._instance,
                "kind": kind,
                "number": self._numbers.next(lane),
                "body": body,
            }
            envelope["mac"] = signing.mac(self.key, envelope)
            return self._channel.tell(kind, envelope, timeout=timeout)
