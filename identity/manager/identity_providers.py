"""Identity providers, and our registration at them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import InvalidInput
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import DuplicateName, IdentityProviderNotFound, NoSuchReference
from identity.federation import discovery
from identity.federation.client import OidcClient, is_fit_for_tokens
from identity.federation.shadows import lock_out
from identity.manager.writing import change, insert
from identity.models import Domain, IdentityProvider


class IdentityProviderManager(Manager):
    """Who else may vouch for users."""

    @policy("identity:identity_providers:list")
    def list(self) -> QuerySet[IdentityProvider]:
        """Return every provider."""
        return IdentityProvider.objects.all()

    @policy("identity:identity_providers:get")
    def get(self, provider_id: str) -> IdentityProvider:
        """Return a provider; raise IdentityProviderNotFound."""
        return found(provider_id)

    @policy("identity:identity_providers:create")
    def create(
        self,
        /,
        provider_id: str,
        *,
        domain_id: str | None = None,
        client_secret: str = "",
        **attributes: Any,
    ) -> IdentityProvider:
        """Record a provider; without a domain its users get one of their own.

        Raises DuplicateName, NoSuchReference, InvalidInput.
        """
        _check(attributes)
        taken = DuplicateName(kind="identity provider", name=provider_id)
        with transaction.atomic():
            provider = IdentityProvider(
                pk=provider_id,
                domain=_domain(domain_id) if domain_id else _own_domain(provider_id),
                encrypted_client_secret=encrypt(client_secret) if client_secret else "",
                **attributes,
            )
            insert(provider, taken=taken)
        return provider

    @policy("identity:identity_providers:update")
    def update(self, /, provider_id: str, **changes: Any) -> IdentityProvider:
        """Change a provider; another issuer, or disabling it, locks its users out until they return.

        Raises IdentityProviderNotFound, InvalidInput.
        """
        provider = found(provider_id)
        _check(changes)
        if "client_secret" in changes:
            secret = changes.pop("client_secret")
            if secret != client_of(provider).client_secret:
                changes["encrypted_client_secret"] = encrypt(secret) if secret else ""
        with transaction.atomic():
            taken = DuplicateName(kind="identity provider", name=provider_id)
            changed = change(provider, changes, taken=taken)
            if "issuer" in changed or ("enabled" in changed and not provider.enabled):
                lock_out(provider)
        discovery.forget()
        return provider

    @policy("identity:identity_providers:delete")
    def delete(self, provider_id: str) -> None:
        """Remove a provider with its protocols; its users stay, locked out."""
        provider = found(provider_id)
        with transaction.atomic():
            lock_out(provider)
            provider.delete()


def found(provider_id: str) -> IdentityProvider:
    """Return a provider; raise IdentityProviderNotFound."""
    row = IdentityProvider.objects.select_related("domain").filter(pk=provider_id).first()
    if row is None:
        raise IdentityProviderNotFound(provider_id)
    return row


def client_of(provider: IdentityProvider) -> OidcClient:
    """Return our registration at a provider as a plain value."""
    secret = provider.encrypted_client_secret
    return OidcClient(
        provider_id=provider.pk,
        issuer=provider.issuer,
        client_id=provider.client_id,
        client_secret=decrypt(secret) if secret else "",
        scopes=provider.scopes,
        audiences=tuple(provider.audiences),
        hosts=tuple(provider.hosts),
        asks_userinfo=provider.asks_userinfo,
    )


def _check(attributes: dict[str, Any]) -> None:
    issuer = attributes.get("issuer", "")
    if issuer and not is_fit_for_tokens(issuer):
        reason = "It must be an https URL (http only on this machine), without user or fragment."
        raise InvalidInput(field="issuer", value=issuer, reason=reason)
    if "openid" not in attributes.get("scopes", "openid").split():
        raise InvalidInput(field="scopes", value=attributes["scopes"], reason="It needs openid.")
    for name in {"audiences", "hosts", "remote_ids"} & attributes.keys():
        values = [] if attributes[name] is None else attributes[name]
        fits = isinstance(values, list) and len(values) <= 100
        if not fits or not all(isinstance(one, str) and one for one in values):
            raise InvalidInput(field=name, value=None, reason="It must be a list of texts.")
        attributes[name] = values


def _domain(domain_id: str) -> Domain:
    row = Domain.objects.filter(pk=domain_id).first()
    if row is None:
        raise NoSuchReference(f"Could not find domain: {domain_id}.")
    return row


def _own_domain(provider_id: str) -> Domain:
    """Return a new domain for a provider's users, so that no name of theirs meets another's."""
    domain = Domain(name=provider_id, description=f"Users of the identity provider {provider_id}")
    if Domain.objects.filter(name__iexact=provider_id).exists():
        domain.name = domain.pk
    domain.save(force_insert=True)
    return domain
