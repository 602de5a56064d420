"""What every log-in method offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from identity.models import AccessToken, ApplicationCredential, User
from identity.tokens import Token


@dataclass(frozen=True, slots=True)
class Proven:
    """Who it is; the token (its expiry holds on), application credential or key it was proven with.

    A key signs: an EC2 key, or the OAuth 1.0a ``access`` token that a consumer has.
    """

    user: User
    parent: Token | None = None
    credential: ApplicationCredential | None = None
    key_id: str = ""
    access: AccessToken | None = None


class Proof(ABC):
    """What a caller shows under one method's name."""

    method: ClassVar[str]

    @property
    def claimed(self) -> str:
        """Who it says it is, a name or an id, for the audit log; empty where it does not say."""
        return ""

    @abstractmethod
    def prove(self) -> Proven:
        """Return who it is, who may be disabled; raise Unauthorized if nothing is proven.

        Never called inside a transaction: a password's hash takes tens of milliseconds.
        """
