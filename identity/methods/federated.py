"""Log-in by a token of an identity provider (the federation path of the API)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cloudweb.exceptions import Unauthorized
from identity.federation.client import OidcClient
from identity.federation.mapping import apply, flatten
from identity.federation.rules import parse_rules
from identity.federation.shadows import refresh
from identity.methods.base import Proof, Proven
from identity.models import Protocol, User


@dataclass(frozen=True, slots=True)
class FederatedProof(Proof):
    """A bearer token of a provider's, under one of its protocols."""

    method: ClassVar[str] = "mapped"
    protocol: Protocol
    client: OidcClient
    text: str = field(repr=False)

    def prove(self) -> Proven:
        """Return the user the token stands for; raise Unauthorized or ProviderUnavailable."""
        from identity.federation import provider  # loads the OpenID Connect libraries

        return Proven(admitted(self.protocol, provider.bearer(self.client, self.text).claims))


def admitted(protocol: Protocol, claims: Mapping[str, Any]) -> User:
    """Return the user whom a provider's claims and our rules make; raise Unauthorized."""
    mapped = apply(parse_rules(protocol.mapping.rules), flatten(claims))
    user = refresh(protocol, subject=claims["sub"], mapped=mapped)
    if not user.is_active:
        raise Unauthorized(detail="the user or his domain is disabled here")
    return user
