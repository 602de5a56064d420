"""Who said it: letters are signed by the control plane's Ed25519 key, our own words by our HMAC key.

The standard library has no Ed25519, so OpenSSL's program checks it, as the control plane's
``cloudweb/signing.py`` made it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import tempfile
from pathlib import Path
from typing import Any

from databases.guest import commands
from databases.guest.commands import CommandFailed
from databases.guest.failures import GuestFailure


class BadSignature(GuestFailure):
    """The control plane did not say that, or not to us."""

    code = "bad_signature"


def canonical(value: dict[str, Any]) -> bytes:
    """Return the bytes that are signed: sorted, compact JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def mac(key: bytes, envelope: dict[str, Any]) -> str:
    """Return the HMAC-SHA256 of an envelope, which must not hold ``mac`` itself."""
    return hmac.new(key, canonical(envelope), hashlib.sha256).hexdigest()


def check(data: bytes, signature: bytes, *, public_key: str) -> None:
    """Raise BadSignature unless the control plane's key made this signature."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for file, content in (("key", public_key.encode()), ("data", data), ("sig", signature)):
            (home / file).write_bytes(content)
        words = (
            "-inkey",
            f"{home}/key",
            "-rawin",
            "-in",
            f"{home}/data",
            "-sigfile",
            f"{home}/sig",
        )
        try:
            commands.run("openssl", "pkeyutl", "-verify", "-pubin", *words, timeout=30)
        except CommandFailed as error:
            raise BadSignature("A wrong signature.", detail=error.detail) from error


def opened(message: dict[str, Any], *, topic: str, public_key: str) -> dict[str, Any]:
    """Return a letter that the control plane signed for this topic; raise BadSignature."""
    letter = dict(message)
    try:
        signature = bytes.fromhex(str(letter.pop("signature", "")))
    except ValueError as error:
        raise BadSignature("A signature that is none.") from error
    check(canonical(letter), signature, public_key=public_key)
    if letter.get("topic") != topic:
        raise BadSignature("A letter for somebody else.", detail=str(letter.get("topic")))
    return letter
