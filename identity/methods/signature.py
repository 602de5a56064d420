"""Log-in by a request that was signed with an EC2 key: the secret itself never travels.

Signatures are those of AWS, version 2 (HMAC-SHA256 or SHA-1) and 4, computed over what a service says
it was asked. Versions 0 and 1 are refused: they leave parts of the request unsigned.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import quote

from django.utils.dateparse import parse_datetime

from cloudweb.database import clock
from cloudweb.encryption import decrypt
from cloudweb.exceptions import Unauthorized
from identity import attempts
from identity.methods.base import Proof, Proven
from identity.models import Credential

METHOD = "ec2credential"
TYPE = "ec2"
V4 = "AWS4-HMAC-SHA256"
#: A signature counts this long before and after its time, as with AWS.
TOLERANCE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Key:
    """An EC2 key, and where it counts."""

    row: Credential
    trust_id: str | None


@dataclass(frozen=True, slots=True)
class SignatureProof(Proof):
    """The name of an EC2 key, and a signature made with its secret."""

    method: ClassVar[str] = METHOD
    access: str
    signature: str = field(repr=False)

    @property
    def claimed(self) -> str:
        """The name of the key."""
        return self.access

    def prove(self) -> Proven:
        """Return whose key it is."""
        row = self.key().row
        return Proven(row.user, key_id=row.pk)

    def key(self) -> Key:
        """Return the key that signed; raise Unauthorized if none we know did."""
        digest = hashlib.sha256(self.access.encode(errors="replace")).hexdigest()
        rows = Credential.objects.select_related("user__domain")
        row = rows.filter(access_digest=digest, type=TYPE).first()
        attempts.count(row.user if row else None, claimed=self.access)
        kept = json.loads(decrypt(row.encrypted_blob)) if row else {}
        secret = kept.get("secret") or secrets.token_hex(16)  # an unknown key costs the same
        if not isinstance(secret, str) or not self._fits(secret) or row is None:
            raise Unauthorized(detail=f"wrong signature, or no such EC2 key: {self.access!r}")
        return Key(row, kept.get("trust_id") or None)

    @abstractmethod
    def _fits(self, secret: str) -> bool:
        """Tell whether this secret made the signature; raise Unauthorized for one nobody makes."""


@dataclass(frozen=True, slots=True)
class RequestSignature(SignatureProof):
    """A whole request as a service was asked it; ``body_hash`` is the SHA-256 of its body."""

    verb: str = ""
    host: str = ""
    path: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body_hash: str = ""

    def _fits(self, secret: str) -> bool:
        headers = {name.strip().lower(): " ".join(v.split()) for name, v in self.headers.items()}
        if headers.get("authorization", "").startswith(V4):
            return self._fits_4(secret, headers, _parts(headers["authorization"]))
        if self.params.get("X-Amz-Algorithm") == V4:
            return self._fits_4(secret, headers, self._presigned())
        if self.params.get("SignatureVersion") == "2":
            return self._fits_2(secret)
        raise Unauthorized(detail="no signature of version 2 or 4")

    def _fits_2(self, secret: str) -> bool:
        digests = {"HmacSHA256": hashlib.sha256, "HmacSHA1": hashlib.sha1}
        digest = digests.get(self.params.get("SignatureMethod", ""))
        if digest is None:
            raise Unauthorized(detail="no such SignatureMethod")
        self._refuse_old(self.params.get("Timestamp"), until=self.params.get("Expires"))
        query = _canonical({name: v for name, v in self.params.items() if name != "Signature"})
        # Some clients sign the host without its port.
        for host in dict.fromkeys([self.host, self.host.partition(":")[0]]):
            said = f"{self.verb}\n{host.lower()}\n{self.path}\n{query}".encode()
            made = base64.b64encode(hmac.new(secret.encode(), said, digest).digest())
            if hmac.compare_digest(made, self.signature.encode()):
                return True
        return False

    def _presigned(self) -> dict[str, str]:
        names = ("Credential", "SignedHeaders")
        return {name: self.params.get(f"X-Amz-{name}", "") for name in names}

    def _fits_4(self, secret: str, headers: Mapping[str, str], parts: Mapping[str, str]) -> bool:
        signed = [name for name in parts.get("SignedHeaders", "").split(";") if name]
        if "host" not in signed or not set(signed) <= headers.keys() or not self.body_hash:
            raise Unauthorized(
                detail="the host or body is not signed, or a signed header is missing"
            )
        moment = headers.get("x-amz-date") or self.params.get("X-Amz-Date") or ""
        self._refuse_old(moment)
        asked = {name: v for name, v in self.params.items() if name != "X-Amz-Signature"}
        query = _canonical(asked) if self.verb.upper() != "POST" else ""
        request = "\n".join(
            [
                self.verb.upper(),
                self.path,
                query,
                *(f"{name}:{headers[name]}" for name in signed),
                "",
                ";".join(signed),
                self.body_hash,
            ]
        )
        _, _, scope = parts.get("Credential", "").partition("/")
        hashed = hashlib.sha256(request.encode()).hexdigest()
        return fits_4(secret, f"{V4}\n{moment}\n{scope}\n{hashed}", self.signature)

    def _refuse_old(self, written: str | None, *, until: str | None = None) -> None:
        """Raise Unauthorized for a signature from another time, or from none."""
        now, moment, end = clock.now(), _moment(written), _moment(until)
        if moment is not None and abs(now - moment) <= TOLERANCE:
            return
        if end is not None and moment is None and now <= end <= now + TOLERANCE:
            return
        raise Unauthorized(detail=f"signed at another time: {written or until!r}")


@dataclass(frozen=True, slots=True)
class TextSignature(SignatureProof):
    """What an S3 service says was signed; it has judged the request and its time itself."""

    text: bytes = b""

    def _fits(self, secret: str) -> bool:
        if self.text.startswith(V4.encode()):
            try:
                return fits_4(secret, self.text.decode(), self.signature)
            except UnicodeDecodeError:
                return False
        made = base64.b64encode(hmac.new(secret.encode(), self.text, hashlib.sha1).digest())
        return hmac.compare_digest(made, self.signature.encode())


def fits_4(secret: str, text: str, signature: str) -> bool:
    """Tell whether a signature of version 4 fits the text that is signed; the scope is in it."""
    lines = text.split("\n")
    scope = lines[2].split("/") if len(lines) == 4 else []
    if len(scope) != 4 or scope[3] != "aws4_request" or not lines[1].startswith(scope[0] or "-"):
        raise Unauthorized(detail="no text that version 4 signs")
    key = f"AWS4{secret}".encode()
    for word in scope:
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    made = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(made.encode(), signature.encode())


def _parts(header: str) -> dict[str, str]:
    """Return what an Authorization header names."""
    words = header.removeprefix(V4).split(",")
    pairs = (word.strip().partition("=") for word in words)
    return {name: value for name, _, value in pairs}


def _canonical(params: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(v, safe="-_.~")) for name, v in params.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def _moment(written: str | None) -> datetime | None:
    if not written:
        return None
    try:
        found = parse_datetime(written)
        found = found or datetime.strptime(written, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def decoded(text: str) -> bytes:
    """Return base64 in either alphabet as bytes; raises ValueError."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise ValueError("It is not base64.") from error
