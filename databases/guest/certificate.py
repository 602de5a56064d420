"""What the datastore shows its clients: a key that is made here and never leaves, and its certificate.

A new key is made before the first certificate and before each later one; its request goes with every report
until the control plane has answered it by a letter. Both are in ``tls/`` on the guest's own disk, so that no
backup has them.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from databases.guest import commands, files
from databases.guest.failures import GuestFailure, Refused

#: ``req`` of OpenSSL wants one, whatever the image has.
_OPENSSL = "[req]\ndistinguished_name = name\n[name]\n"
_MOST_WAIT = 3600.0


class Certificate:
    """The key and the certificate of one guest."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "tls"
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._kept = files.read_json(self.directory / "state.json")

    @property
    def is_there(self) -> bool:
        """Tell whether a certificate was given."""
        return bool(self._kept)

    @property
    def until(self) -> float:
        """When it ends, in Unix time; 0 where there is none."""
        return float(self._kept.get("until", 0))

    def request(self) -> str:
        """Return the request for a certificate, in PEM, while one is wanted; "" otherwise.

        A third before its end the next one is asked for. Where OpenSSL fails it is tried again later.
        """
        with self._lock:
            since = float(self._kept.get("since", 0))
            if time.time() < since + (self.until - since) * 2 / 3:
                return ""
            asked = self.directory / "request.pem"
            try:
                if not asked.exists() and time.monotonic() >= self._not_before:
                    self._not_before = time.monotonic() + _MOST_WAIT
                    self._ask()
                return asked.read_text() if asked.exists() else ""
            except (GuestFailure, OSError):
                return ""

    def install(self, told: dict[str, Any]) -> None:
        """Keep a certificate of the key that was asked for; raise Refused for another key's.

        Done twice it is as done once.
        """
        with self._lock:
            draft = self.directory / "given.pem"
            files.write(draft, str(told["certificate"]).encode())
            public = commands.run("openssl", "x509", "-in", str(draft), "-noout", "-pubkey")
            if public != self._public("next.pem"):
                if public != self._public("key.pem"):
                    raise Refused("That certificate is of another key.")
            else:
                (self.directory / "next.pem").replace(self.directory / "key.pem")
            draft.replace(self.directory / "certificate.pem")
            files.write(self.directory / "authority.pem", str(told["authority"]).encode())
            self._kept = {"since": time.time(), "until": float(told["until"])}
            files.write_json(self.directory / "state.json", self._kept)
            (self.directory / "request.pem").unlink(missing_ok=True)
            self._not_before = 0.0

    def _ask(self) -> None:
        """Make the next key and its request."""
        self.directory.mkdir(parents=True, mode=0o700, exist_ok=True)
        settings, draft = self.directory / "openssl.cnf", self.directory / "request.new"
        files.write(settings, _OPENSSL.encode())
        commands.run(
            "openssl", "req", "-config", str(settings), "-new", "-sha256", "-nodes", "-subj", "/CN=database",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-keyout", str(self.directory / "next.pem"), "-out", str(draft),
        )  # fmt: skip
        draft.replace(self.directory / "request.pem")

    def _public(self, name: str) -> str:
        path = self.directory / name
        if not path.exists():
            return ""
        return commands.run("openssl", "pkey", "-in", str(path), "-pubout")
