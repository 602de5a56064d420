"""Receipts: that somebody has shown part of what is asked of him, for the few minutes until the rest.

Signed and self-contained as tokens are, and void with everything else when the user's tokens are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.core import signing

from cloudweb.database import clock
from cloudweb.exceptions import Unauthorized
from identity import revocations
from identity.models import User

LIFETIME = timedelta(minutes=5)
LONGEST = 2_000
_SALT = "cloudweb.identity.receipt"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Which methods a user has shown; ``seen`` counts as a token's."""

    user_id: str
    methods: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    seen: int

    @classmethod
    def issue(cls, user: User, methods: Sequence[str], *, seen: int) -> Self:
        """Make one that counts from now on."""
        now = clock.now()
        return cls(user.pk, tuple(methods), now, now + LIFETIME, seen)

    def signed(self) -> str:
        """Return the text that travels in Openstack-Auth-Receipt."""
        moments = [self.issued_at.timestamp(), self.expires_at.timestamp()]
        claims = [self.user_id, list(self.methods), *moments, self.seen]
        return signing.Signer(salt=_SALT).sign_object(claims, compress=True)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what a text says; raise Unauthorized if it is forged, expired or revoked."""
        if len(text) > LONGEST:
            raise Unauthorized(detail="receipt too long")
        try:
            claims: Any = signing.Signer(salt=_SALT).unsign_object(text)
        except signing.BadSignature as error:
            raise Unauthorized(detail="bad receipt") from error
        user_id, methods, issued_at, expires_at, seen = claims
        issued, expires = (datetime.fromtimestamp(one, UTC) for one in (issued_at, expires_at))
        revoked = revocations.current()
        keys = [revocations.key_of(user_id=user_id)]
        if expires <= clock.now() or seen > revoked.mark.number or revoked.covers(keys, seen=seen):
            raise Unauthorized(detail="receipt expired or revoked")
        return cls(user_id, tuple(methods), issued, expires, seen)


class MoreMethodsRequired(Unauthorized):
    """Right as far as it goes; the receipt stands for it while the user shows the rest."""

    code = "more_methods_required"

    def __init__(self, user: User, receipt: Receipt, required: Sequence[Sequence[str]]) -> None:
        self.user, self.receipt, self.required = user, receipt, required
        super().__init__(detail="more methods are required of this user")
