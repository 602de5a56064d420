"""Log-in by one-time password (RFC 6238: SHA-1, six digits, thirty seconds), a second factor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from cloudweb.exceptions import Unauthorized
from identity import attempts, lockout, passcodes
from identity.authentication import find_user
from identity.methods.base import Proof, Proven


@dataclass(frozen=True, slots=True)
class TotpProof(Proof):
    """A user by id, or by name and domain, and the passcode his device shows."""

    method: ClassVar[str] = "totp"
    passcode: str = field(repr=False)
    user_id: str | None = None
    name: str = ""
    domain_id: str | None = None
    domain_name: str | None = None

    @property
    def claimed(self) -> str:
        """The name or id that is logged in with."""
        return self.user_id or self.name

    def prove(self) -> Proven:
        """Return the user whose device shows this passcode; it works once. Raises TooManyRequests."""
        user = find_user(
            user_id=self.user_id,
            name=self.name,
            domain_id=self.domain_id,
            domain_name=self.domain_name,
        )
        said = attempts.named(
            user_id=self.user_id, name=self.name, domain=self.domain_id or self.domain_name
        )
        attempts.count(user, claimed=said, passcode=True)
        if user is None or lockout.is_locked(user) or not passcodes.use(user, self.passcode):
            lockout.failed(user)
            raise Unauthorized(detail="wrong user or passcode")
        return Proven(user)
