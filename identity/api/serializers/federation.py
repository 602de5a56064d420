"""Identity providers, mappings and protocols on the wire."""

from __future__ import annotations

import re
from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import AfterValidator, Field, StringConstraints

from cloudweb.api.fields import MAX_INT, Body, LooseBool
from cloudweb.exceptions import InvalidInput
from cloudweb.names import no_control_characters
from identity.api.serializers.links import self_link, v3_url
from identity.api.serializers.projects import Description, Id
from identity.models import IdentityProvider, Mapping, Protocol

Remote = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(no_control_characters)
]
RemoteIds = Annotated[tuple[Remote, ...], Field(max_length=100)]
Minutes = Annotated[int, Field(ge=0, le=MAX_INT)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,5}$")]
#: Names of providers, mappings and protocols: they are parts of URLs.
_FORM = re.compile(r"[A-Za-z0-9._~-]{1,64}\Z")


class ProviderCreate(Body):
    """PUT /OS-FEDERATION/identity_providers/{id}."""

    id: str | None = None
    domain_id: Id | None = None
    description: Description | None = None
    enabled: LooseBool = False
    remote_ids: RemoteIds | None = None
    authorization_ttl: Minutes | None = None


class ProviderUpdate(Body):
    """PATCH /OS-FEDERATION/identity_providers/{id}."""

    description: Description | None = None
    enabled: LooseBool = True
    remote_ids: RemoteIds | None = None
    authorization_ttl: Minutes | None = None


class MappingCreate(Body):
    """PUT /OS-FEDERATION/mappings/{id}."""

    id: str | None = None
    rules: list[Any]
    schema_version: Version | None = None


class MappingUpdate(Body):
    """PATCH /OS-FEDERATION/mappings/{id}."""

    id: str | None = None
    rules: list[Any] = Field(default_factory=list)
    schema_version: Version | None = None


class ProtocolCreate(Body):
    """PUT /OS-FEDERATION/identity_providers/{id}/protocols/{name}."""

    id: str | None = None
    mapping_id: Id
    remote_id_attribute: Annotated[str, StringConstraints(max_length=64)] | None = None


class ProtocolUpdate(Body):
    """PATCH /OS-FEDERATION/identity_providers/{id}/protocols/{name}."""

    id: str | None = None
    mapping_id: Id = ""
    remote_id_attribute: Annotated[str, StringConstraints(max_length=64)] | None = None


def same_id(in_url: str, in_body: str | None) -> None:
    """Raise InvalidInput where a body names another thing than its URL."""
    if in_body is not None and in_body != in_url:
        raise InvalidInput(field="id", value=in_body, reason="The URL names another one.")


def new_id(in_url: str, in_body: str | None) -> str:
    """Return the name of something new; raise InvalidInput for one that is no part of a URL."""
    same_id(in_url, in_body)
    if not _FORM.match(in_url):
        reason = (
            "It may hold letters, digits, dots, dashes, underscores and tildes alone, 64 of them."
        )
        raise InvalidInput(field="id", value=in_url, reason=reason)
    return in_url


def provider_body(request: HttpRequest, provider: IdentityProvider) -> dict[str, Any]:
    """Return one provider; our registration there is for operators' tools alone."""
    path = f"OS-FEDERATION/identity_providers/{provider.pk}"
    return {
        "id": provider.pk,
        "domain_id": provider.domain_id,
        "description": provider.description,
        "enabled": provider.enabled,
        "remote_ids": list(provider.remote_ids),
        "authorization_ttl": provider.authorization_ttl,
        "links": {**self_link(request, path), "protocols": v3_url(request, f"{path}/protocols")},
    }


def mapping_body(request: HttpRequest, mapping: Mapping) -> dict[str, Any]:
    """Return one mapping."""
    return {
        "id": mapping.pk,
        "rules": mapping.rules,
        "schema_version": mapping.schema_version,
        "links": self_link(request, f"OS-FEDERATION/mappings/{mapping.pk}"),
    }


def protocol_body(request: HttpRequest, protocol: Protocol) -> dict[str, Any]:
    """Return one protocol."""
    provider = f"OS-FEDERATION/identity_providers/{protocol.provider_id}"
    links = self_link(request, f"{provider}/protocols/{protocol.name}")
    return {
        "id": protocol.name,
        "mapping_id": protocol.mapping_id,
        "remote_id_attribute": protocol.remote_id_attribute or None,
        "links": {**links, "identity_provider": v3_url(request, provider)},
    }
