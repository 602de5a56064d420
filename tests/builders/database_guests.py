"""A database's guest in the tests: the real agent's code, which asks through a host's proxy that signs."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

from django.test import Client

from databases.guest import files
from databases.guest.channel import PREFIX, Away, Channel, Denied
from databases.guest.identity import Identity
from databases.guest.journal import Journal
from databases.guest.mailbox import Mailbox
from databases.guest.methods import Methods
from databases.mailbox import guests
from databases.models import DatabaseInstance
from network.models import Port
from operations.conductor import key_of
from operations.orders import signer


class Proxied(Channel):
    """The way through the proxy of a port's host."""

    def __init__(self, port: Port) -> None:
        super().__init__("http://169.254.169.254")
        self.port, self.client = port, Client()
        self.answers: list[Any] = []
        self.sent: list[tuple[str, bytes]] = []

    def ask(self, method: str, path: str, body: bytes = b"", *, timeout: float = 0) -> bytes:
        self.sent.append((path, body))
        answer = self.post(path, body) if method == "POST" else self.get(path)
        if answer.status_code in (401, 403, 503):
            raise Away(str(answer.status_code))
        if answer.status_code >= 300:
            raise Denied(answer.status_code, answer.content.decode())
        return bytes(answer.content)

    def get(self, path: str) -> Any:
        return self._kept(self.client.get(f"/metadata{PREFIX}/{path}", headers=self._signed(path)))

    def post(self, path: str, body: bytes, **extra: Any) -> Any:
        said = f"\nPOST\n{hashlib.sha256(body).hexdigest()}"
        url = f"/metadata{PREFIX}/{path}"
        headers = self._signed(path, said)
        kind = "application/json"
        return self._kept(self.client.post(url, body, content_type=kind, headers=headers, **extra))

    def put(self, path: str, body: bytes) -> Any:
        """Send what the host's proxy passes on as it comes."""
        url, kind = f"/metadata{PREFIX}/{path}", "application/octet-stream"
        headers = self._signed(path, "\nPUT\n")
        return self._kept(self.client.put(url, body, content_type=kind, headers=headers))

    def _kept(self, answer: Any) -> Any:
        self.answers.append(answer)
        return answer

    def _signed(self, path: str, more: str = "") -> dict[str, str]:
        address, stamp = self.port.addresses.get().ip_address, str(int(time.time()))
        said = f"h1\n{self.port.network_id}\n{address}\n{stamp}\n{PREFIX}/{path}{more}"
        return {
            "X-Cloudweb-Host": "h1",
            "X-Cloudweb-Network": str(self.port.network_id),
            "X-Cloudweb-Address": address,
            "X-Cloudweb-Timestamp": stamp,
            "X-Cloudweb-Signature": hmac.digest(key_of("h1"), said.encode(), "sha256").hex(),
        }


class Guest:
    """The agent of one instance, at one port; a second one of the same directory is the same agent."""

    def __init__(self, instance: DatabaseInstance, port: Port, directory: Path) -> None:
        if not (directory / "config.json").exists():
            config = {"token": guests.enrol(instance), "orders_key": signer().public_pem().decode()}
            files.write_json(directory / "config.json", config)
        self.instance, self.identity = instance, Identity(directory)
        self.channel = self.identity.channel = Proxied(port)
        self.methods = Methods(directory)
        self.mailbox = Mailbox(
            self.identity, self.methods, Journal(directory / "journal.json", run="1"), boot="b1"
        )

    def envelope(self, kind: str, body: dict[str, Any], **changes: Any) -> bytes:
        """Return what this guest would say, with some of it changed before it is signed."""
        from databases.guest import signing

        said = {"v": "1.0", "instance": self.identity.instance, "kind": kind,
                "number": int(time.time() * 1000) + 10_000, "body": body, **changes}  # fmt: skip
        said["mac"] = signing.mac(self.identity.voice().key, said)
        return json.dumps(said).encode()

    def work(self) -> None:
        """Poll once and do what was fetched, in this thread."""
        self.mailbox.poll()
        for waiting in (self.mailbox._questions, self.mailbox._orders):
            while not waiting.empty():
                letter = waiting.get()
                self.mailbox.do(letter)
                self.mailbox._under_way.discard(letter["letter"])
