"""Log-in by password."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from cloudweb.exceptions import Unauthorized
from identity.authentication import log_in
from identity.methods.base import Proof, Proven


@dataclass(frozen=True, slots=True)
class PasswordProof(Proof):
    """A user by id, or by name and domain, and his password."""

    method: ClassVar[str] = "password"
    password: str = field(repr=False)
    user_id: str | None = None
    name: str = ""
    domain_id: str | None = None
    domain_name: str | None = None

    @property
    def claimed(self) -> str:
        """The name or id that is logged in with."""
        return self.user_id or self.name

    def prove(self) -> Proven:
        """Return the user of this name if the password is his."""
        user = log_in(
            password=self.password,
            user_id=self.user_id,
            name=self.name,
            domain_id=self.domain_id,
            domain_name=self.domain_name,
        )
        if user is None:
            raise Unauthorized(detail=f"wrong user or password: {self.user_id or self.name!r}")
        return Proven(user)
