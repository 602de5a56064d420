"""Log-in by an identity provider: bearer tokens for programs, the code flow for browsers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet

from cloudweb.exceptions import Unauthorized
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from identity.exceptions import IdentityProviderNotFound
from identity.federation import shadows
from identity.manager.identity_providers import client_of
from identity.manager.scoping import Unscoped
from identity.manager.tokens import IssuedToken, TokenManager
from identity.methods.federated import FederatedProof, admitted
from identity.models import IdentityProvider, Protocol, User
from identity.multifactor import enough


@dataclass(frozen=True, slots=True)
class LoginChoice:
    """A provider as a log-in page offers it."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Journey:
    """What a browser's session must remember while it is at the provider."""

    provider_id: str
    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A user who came back from his provider, for how long he counts as logged in, and his proof."""

    user: User
    minutes: int | None
    id_token: str


class FederationManager(Manager):
    """Everything that happens to users of identity providers before they have a token."""

    @periodic(every=timedelta(minutes=10))
    @policy("identity:federation:expire")
    def expire_memberships(self) -> None:
        """End the memberships in groups that identity providers said too long ago."""
        shadows.expire_memberships()

    @policy("identity:federation:show")
    def choices(self) -> list[LoginChoice]:
        """Return the providers that a log-in page offers, by label."""
        rows = _usable().filter(protocols__isnull=False).distinct()
        offered = [LoginChoice(row.pk, row.label or row.pk) for row in rows]
        return sorted(offered, key=lambda one: one.label.lower())

    @policy("identity:federation:log_in")
    def token(self, provider_id: str, protocol: str, text: str | None) -> IssuedToken:
        """Return an unscoped token for whom a bearer token stands for.

        Raises Unauthorized, also where there is no such provider, and ProviderUnavailable.
        """
        row = _protocol(provider_id, protocol)
        if row is None or not text:
            raise Unauthorized(detail="no such way to log in, or no bearer token")
        proof = FederatedProof(row, client_of(row.provider), text)
        return TokenManager(self.context).issue(proofs=[proof], scope=Unscoped())

    @policy("identity:federation:show")
    def depart(self, provider_id: str, *, redirect_uri: str) -> Journey:
        """Return where to send a browser; raise IdentityProviderNotFound, ProviderUnavailable."""
        from identity.federation import provider  # loads the OpenID Connect libraries

        client = client_of(_first_protocol(provider_id).provider)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        url = provider.authorization_url(
            client, redirect_uri=redirect_uri, state=state, nonce=nonce, verifier=verifier
        )
        return Journey(provider_id, url, state, nonce, verifier)

    @policy("identity:federation:log_in")
    def arrive(self, journey: Journey, *, code: str, redirect_uri: str) -> Arrival:
        """Return the user a code stands for; raise Unauthorized or ProviderUnavailable."""
        from identity.federation import provider  # loads the OpenID Connect libraries

        protocol = _first_protocol(journey.provider_id)
        vouched = provider.exchange(
            client_of(protocol.provider),
            code=code,
            redirect_uri=redirect_uri,
            nonce=journey.nonce,
            verifier=journey.verifier,
        )
        user = admitted(protocol, vouched.claims)
        if not enough(user, [FederatedProof.method]):
            raise Unauthorized(
                "This account has to show more than its identity provider tells. Ask the operator "
                "of the cloud."
            )
        return Arrival(user, protocol.provider.authorization_ttl, vouched.id_token)

    @policy("identity:federation:show")
    def farewell(self, provider_id: str, *, id_token: str, back_to: str) -> str | None:
        """Return where a browser logs out of its provider, too; None where it cannot.

        Raises IdentityProviderNotFound, ProviderUnavailable.
        """
        from identity.federation import provider  # loads the OpenID Connect libraries

        client = client_of(_first_protocol(provider_id).provider)
        return provider.logout_url(client, id_token=id_token, back_to=back_to)


def _usable() -> QuerySet[IdentityProvider]:
    """Return the providers we are registered at and that an operator has not disabled."""
    rows = IdentityProvider.objects.filter(enabled=True, domain__enabled=True)
    return rows.exclude(issuer="").exclude(client_id="")


def _protocol(provider_id: str, name: str) -> Protocol | None:
    rows = Protocol.objects.filter(provider__in=_usable(), provider_id=provider_id, name=name)
    return rows.select_related("provider__domain", "mapping").first()


def _first_protocol(provider_id: str) -> Protocol:
    """Return the protocol a browser uses: ``openid``, or the only other one."""
    rows = Protocol.objects.filter(provider__in=_usable(), provider_id=provider_id)
    found = sorted(
        rows.select_related("provider__domain", "mapping"),
        key=lambda row: (row.name != "openid", row.name),
    )
    if not found:
        raise IdentityProviderNotFound(provider_id)
    return found[0]
