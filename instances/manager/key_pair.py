"""Key pairs: a user's public keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, transaction

from cloudweb import policy as policies
from cloudweb.audit import note
from cloudweb.exceptions import BadRequest
from cloudweb.listing import MAX_LIMIT, Page, paginate
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import quotas
from instances import certificates
from instances.exceptions import KeyPairExists, KeyPairInvalid, KeyPairNotFound
from instances.models import KeyPair
from instances.quota import SERVICE


class Generated(NamedTuple):
    """A key pair and, if the cloud drew it, its private half: told once, never kept."""

    pair: KeyPair
    private_key: str | None


class KeyPairManager(Manager):
    """The caller's own key pairs; an admin may act for another user."""

    def _owner(self, user_id: str | None) -> str:
        own = self.context.user_id or ""
        if user_id is None or user_id == own:
            return own
        policies.check(self.context, "compute:keypairs:others")
        return user_id

    @policy("compute:keypairs:list")
    def list(
        self,
        *,
        user_id: str | None = None,
        words: str | None = None,
        order: Sequence[str] = ("name",),
        limit: int = MAX_LIMIT,
        marker: str | None = None,
    ) -> Page[KeyPair]:
        """Return a page, by name unless told otherwise; ``words`` is a part of the name.

        ``marker`` is a name. Raises BadRequest for an unknown one.
        """
        rows = KeyPair.objects.filter(user_id=self._owner(user_id))
        if words is not None:
            rows = rows.filter(name__icontains=words)
        after = rows.filter(name=marker).first() if marker else None
        if marker and after is None:
            raise BadRequest(f"marker [{marker[:64]}] not found")
        return paginate(rows, limit=limit, marker=after, order=order)

    @policy("compute:keypairs:get")
    def get(self, name: str, *, user_id: str | None = None) -> KeyPair:
        """Return a key pair; raise KeyPairNotFound."""
        owner = self._owner(user_id)
        found: KeyPair | None = KeyPair.objects.filter(user_id=owner, name=name).first()
        if found is None:
            raise KeyPairNotFound(name, owner)
        return found

    @policy("compute:keypairs:create")
    def create(
        self,
        *,
        name: str,
        public_key: str | None = None,
        kind: str = "ssh",
        user_id: str | None = None,
    ) -> Generated:
        """Keep a public key, or draw a pair and keep its public half: ``ssh``, or ``x509``.

        Raises KeyPairInvalid, KeyPairExists, QuotaExceeded.
        """
        owner = self._owner(user_id)
        note(target_id=name)
        private_key, is_x509 = None, kind == "x509"
        if public_key is None and is_x509:
            private_key, public_key = certificates.draw(user_id=owner)
        elif public_key is None:
            private_key, public_key = draw(comment=name)
        read = certificates.fingerprint_of if is_x509 else fingerprint_of
        fingerprint = read(public_key)
        try:
            with transaction.atomic():
                quotas.reserve(
                    f"user:{owner}",
                    SERVICE,
                    wanted={"key_pairs": 1},
                    used=lambda: {"key_pairs": KeyPair.objects.filter(user_id=owner).count()},
                )
                pair = KeyPair.objects.create(
                    user_id=owner,
                    name=name,
                    type=kind,
                    public_key=public_key,
                    fingerprint=fingerprint,
                )
        except IntegrityError as error:
            raise KeyPairExists(name) from error
        return Generated(pair, private_key)

    @policy("compute:keypairs:delete")
    def delete(self, name: str, *, user_id: str | None = None) -> None:
        """Remove a key pair; servers that have it keep it. Raises KeyPairNotFound."""
        owner = self._owner(user_id)
        if not KeyPair.objects.filter(user_id=owner, name=name).delete()[0]:
            raise KeyPairNotFound(name, owner)


def draw(*, comment: str) -> tuple[str, str]:
    """Return a fresh Ed25519 pair: private key in OpenSSH's PEM, public key as one line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    words = "".join(char if char.isalnum() or char in "-_.@" else "-" for char in comment)
    return private, f"{public.decode()} {words}"


def fingerprint_of(public_key: str) -> str:
    """Return the MD5 of the key's blob as colon-separated hex; raise KeyPairInvalid."""
    lines = public_key.strip().splitlines()
    words = lines[0].split() if len(lines) == 1 else []
    try:
        serialization.load_ssh_public_key(f"{words[0]} {words[1]}".encode())
        blob = base64.b64decode(words[1], validate=True)
    except (ValueError, IndexError, UnsupportedAlgorithm, TypeError, NotImplementedError) as error:
        raise KeyPairInvalid("Keypair data is invalid: failed to generate fingerprint") from error
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, 32, 2))
