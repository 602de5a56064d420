"""Log-in by an OAuth 1.0a access token: a consumer signs the request itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from identity.methods.base import Proof, Proven
from identity.oauth1 import SignedRequest, signer

METHOD = "oauth1"


@dataclass(frozen=True, slots=True)
class OAuth1Proof(Proof):
    """The request, with the signature in its header Authorization."""

    method: ClassVar[str] = METHOD
    signed: SignedRequest

    def prove(self) -> Proven:
        """Return the user who let the consumer act for him; raise Unauthorized."""
        access = signer(self.signed)
        return Proven(access.user, key_id=access.pk, access=access)
