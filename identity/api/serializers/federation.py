"""Identity providers, mappings and protocols on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import MAX_INT, LooseBool
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of, Scene, Seen
from cloudweb.names import no_control_characters
from identity.api.filters import exactly, flagged
from identity.api.serializers.attributes import SelfLink, Written, own_links
from identity.api.serializers.projects import Description, Id
from identity.models import IdentityProvider, Protocol

Remote = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(no_control_characters)
]
RemoteIds = Annotated[tuple[Remote, ...], Field(max_length=100)]
Minutes = Annotated[int, Field(ge=0, le=MAX_INT)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,5}$")]


class _ProviderWritten(Written):
    """What a provider may be given; no ids of its are an empty list."""

    def said(self) -> dict[str, Any]:
        """Return what the client said."""
        said = super().said()
        return said | (
            {"remote_ids": [*(said["remote_ids"] or ())]} if "remote_ids" in said else {}
        )


class ProviderCreate(_ProviderWritten):
    """PUT /OS-FEDERATION/identity_providers/{id}."""

    id: str | None = None
    domain_id: Id | None = None
    description: Description | None = None
    enabled: LooseBool = False
    remote_ids: RemoteIds | None = None
    authorization_ttl: Minutes | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said; a new provider is off until it is switched on."""
        return {"enabled": self.enabled, **super().said()}


class ProviderUpdate(_ProviderWritten):
    """PATCH /OS-FEDERATION/identity_providers/{id}."""

    description: Description | None = None
    enabled: LooseBool = True
    remote_ids: RemoteIds | None = None
    authorization_ttl: Minutes | None = None


class MappingCreate(Written):
    """PUT /OS-FEDERATION/mappings/{id}; a null version leaves it as it is."""

    id: str | None = None
    rules: list[Any]
    schema_version: Version | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said."""
        return {name: value for name, value in super().said().items() if value is not None}


class MappingUpdate(MappingCreate):
    """PATCH /OS-FEDERATION/mappings/{id}."""

    rules: list[Any] = Field(default_factory=list)


class ProtocolCreate(Written):
    """PUT /OS-FEDERATION/identity_providers/{id}/protocols/{name}."""

    TEXTS = frozenset({"remote_id_attribute"})

    id: str | None = None
    mapping_id: Id
    remote_id_attribute: Annotated[str, StringConstraints(max_length=64)] | None = None


class ProtocolUpdate(ProtocolCreate):
    """PATCH /OS-FEDERATION/identity_providers/{id}/protocols/{name}."""

    mapping_id: Id = ""


class ProviderLinks(SelfLink):
    """Where a provider and its protocols are."""

    protocols: str


class ProtocolLinks(SelfLink):
    """Where a protocol and its provider are."""

    identity_provider: str


def _places(row: IdentityProvider, scene: Scene) -> dict[str, str]:
    own = scene.url(f"OS-FEDERATION/identity_providers/{row.pk}")
    return {"self": own, "protocols": f"{own}/protocols"}


def _places_of_protocol(row: Protocol, scene: Scene) -> dict[str, str]:
    provider = scene.url(f"OS-FEDERATION/identity_providers/{row.provider_id}")
    return {"self": f"{provider}/protocols/{row.name}", "identity_provider": provider}


class ProviderShown(Answer):
    """Who else may vouch for users; our registration there is for operators' tools alone."""

    id: str
    domain_id: str
    description: str
    enabled: bool
    remote_ids: list[str]
    authorization_ttl: int | None
    links: Annotated[ProviderLinks, Seen(_places)]


class MappingShown(Answer):
    """From a provider's claims to a user and groups."""

    id: str
    rules: list[dict[str, Any]]
    schema_version: str
    links: Annotated[SelfLink, own_links("OS-FEDERATION/mappings")]


class ProtocolShown(Answer):
    """How a provider is spoken to."""

    id: Annotated[str, Of("name")]
    mapping_id: str
    remote_id_attribute: Annotated[str | None, Form(lambda value: value or None)]
    links: Annotated[ProtocolLinks, Seen(_places_of_protocol)]


PROVIDER = Resource(
    singular="identity_provider",
    plural="identity_providers",
    answer=ProviderShown,
    create=ProviderCreate,
    update=ProviderUpdate,
    filters={"id": exactly("id"), "enabled": flagged("enabled")},
)
MAPPING = Resource(
    singular="mapping",
    plural="mappings",
    answer=MappingShown,
    create=MappingCreate,
    update=MappingUpdate,
)
PROTOCOL = Resource(
    singular="protocol",
    plural="protocols",
    answer=ProtocolShown,
    create=ProtocolCreate,
    update=ProtocolUpdate,
)
