"""Who said it: orders are signed by the control plane's Ed25519 key, envelopes by the host's HMAC key.

A host holds the public half alone, so neither another host nor whoever can write to the broker can
give orders; an order names the one host and topic it is for. The conductor believes an envelope only
about the host whose key signed it, and each of its reports once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cloudweb.conf import var_dir
from cloudweb.exceptions import CloudwebError
from cloudweb.keeping import kept_secret

MAX_AGE = 3600.0
MAX_SKEW = 300.0


class BadSignature(CloudwebError):
    """A message that its alleged sender did not sign, or one that is too old."""

    code = "bad_signature"


def canonical(value: dict[str, Any]) -> bytes:
    """Return the bytes that are signed: sorted, compact JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class OrderSigner:
    """The control plane's side: signs orders with the private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def load(cls) -> OrderSigner:
        """Load the cloud's key; draw it at first use."""
        fresh = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        kept = kept_secret(var_dir() / "secrets" / "orders.pem", fresh=fresh.decode())
        key = serialization.load_pem_private_key(kept.encode(), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        return cls(key)

    def public_pem(self) -> bytes:
        """Return the public half, which every host is given."""
        return self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, order: dict[str, Any], *, topic: str) -> dict[str, Any]:
        """Return the order with whom it is for (``compute.h1``), its time and signature."""
        host = topic.partition(".")[2]
        dated = {**order, "topic": topic, "host": host, "sent_at": time.time()}
        return {**dated, "signature": self._key.sign(canonical(dated)).hex()}

    def sign_bytes(self, data: bytes) -> bytes:
        """Return the signature of a program for guests; no order is one, for those begin with a brace."""
        if data[:1] == b"{":
            raise ValueError("an order is signed by sign()")
        return self._key.sign(data)


class OrderVerifier:
    """The host's side: checks orders with the public key."""

    def __init__(self, public_pem: bytes, *, topics: Collection[str]) -> None:
        key = serialization.load_pem_public_key(public_pem)
        assert isinstance(key, Ed25519PublicKey)
        self._key, self._topics = key, frozenset(topics)

    @classmethod
    def from_file(cls, path: Path, *, topics: Collection[str]) -> OrderVerifier:
        """Load the key a host was given when it joined."""
        return cls(path.read_bytes(), topics=topics)

    def verify(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the order; raise BadSignature when it is not the cloud's, not for us, or an hour old."""
        order = dict(message)
        try:
            signature = bytes.fromhex(str(order.pop("signature", "")))
            self._key.verify(signature, canonical(order))
        except (InvalidSignature, ValueError) as error:
            raise BadSignature(detail="order with a wrong signature") from error
        topic = str(order.get("topic"))
        if topic not in self._topics or order.get("host") != topic.partition(".")[2]:
            raise BadSignature(detail=f"order for {order.get('host')!r} on {topic!r}")
        check_age(order, "order", at=time.time())
        return order


def check_age(message: dict[str, Any], kind: str, *, at: float) -> None:
    """Raise BadSignature for what was sent over an hour before ``at``, or after it."""
    age = at - float(message["sent_at"])
    if not -MAX_SKEW <= age <= MAX_AGE:
        raise BadSignature(detail=f"{kind} is {age:.0f} s old")


def mac(key: bytes, envelope: dict[str, Any]) -> str:
    """Return the HMAC-SHA256 of an envelope, which must not hold ``mac`` itself."""
    return hmac.new(key, canonical(envelope), hashlib.sha256).hexdigest()


def check_mac(key: bytes, envelope: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope without its mac; raise BadSignature if the key did not make it."""
    body = dict(envelope)
    given = str(body.pop("mac", ""))
    if not hmac.compare_digest(mac(key, body).encode(), given.encode()):
        raise BadSignature(detail="envelope with a wrong mac")
    return body
