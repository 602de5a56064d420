"""Protocols: how a provider is spoken to, and by which mapping its words are read."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import DuplicateName, NoSuchReference, ProtocolNotFound
from identity.manager.identity_providers import found
from identity.manager.writing import change, insert
from identity.models import Mapping, Protocol


class ProtocolManager(Manager):
    """The protocols of identity providers."""

    @policy("identity:protocols:list")
    def list(self, provider_id: str) -> QuerySet[Protocol]:
        """Return the protocols of a provider; raise IdentityProviderNotFound."""
        return Protocol.objects.filter(provider=found(provider_id))

    @policy("identity:protocols:get")
    def get(self, provider_id: str, name: str) -> Protocol:
        """Return a protocol; raise ProtocolNotFound."""
        row = Protocol.objects.filter(provider_id=provider_id, name=name).first()
        if row is None:
            raise ProtocolNotFound(name)
        return row

    @policy("identity:protocols:create")
    def create(
        self, provider_id: str, name: str, *, mapping_id: str, remote_id_attribute: str = ""
    ) -> Protocol:
        """Record a protocol; raise IdentityProviderNotFound, NoSuchReference, DuplicateName."""
        protocol = Protocol(
            provider=found(provider_id),
            name=name,
            mapping=_mapping(mapping_id),
            remote_id_attribute=remote_id_attribute,
        )
        insert(protocol, taken=DuplicateName(kind="protocol", name=name))
        return protocol

    @policy("identity:protocols:update")
    def update(self, provider_id: str, name: str, /, **changes: Any) -> Protocol:
        """Change a protocol; raise ProtocolNotFound, NoSuchReference."""
        protocol = self.get(provider_id, name)
        if "mapping_id" in changes:
            changes["mapping"] = _mapping(changes.pop("mapping_id"))
        change(protocol, changes, taken=DuplicateName(kind="protocol", name=name))
        return protocol

    @policy("identity:protocols:delete")
    def delete(self, provider_id: str, name: str) -> None:
        """Remove a protocol: nobody logs in by it any more."""
        self.get(provider_id, name).delete()


def _mapping(mapping_id: str) -> Mapping:
    row = Mapping.objects.filter(pk=mapping_id).first()
    if row is None:
        raise NoSuchReference(f"Could not find mapping: {mapping_id}.")
    return row
