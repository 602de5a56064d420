"""Log-in by a token one has: rescoping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from cloudweb.exceptions import Unauthorized
from identity.methods.base import Proof, Proven
from identity.methods.signature import METHOD as EC2
from identity.querysets import active_user
from identity.tokens import valid


@dataclass(frozen=True, slots=True)
class TokenProof(Proof):
    """A token that still holds."""

    method: ClassVar[str] = "token"
    text: str = field(repr=False)

    def prove(self) -> Proven:
        """Return the token's user; one from a program's credential, a key or a trust stays as it is."""
        token = valid(self.text)
        signed = token.key_id or EC2 in token.methods  # the key is not in tokens of before
        if token.credential_id or token.trust_id or signed:
            raise Unauthorized(
                detail="a token of a program's credential or a trust keeps its scope"
            )
        user = active_user(token.user_id)
        if user is None:
            raise Unauthorized(detail="the token's user is gone or disabled")
        return Proven(user, parent=token)
