"""What identity's answers look like, for the schema; the functions in ``serializers`` make them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cloudweb.api.answers import Answer, OpenAnswer
from identity.api.serializers.attributes import SelfLink, own_links


class Reference(Answer):
    """Something by its id, and its name where names were asked for."""

    id: str
    name: str | None = None
    domain: Reference | None = None


class Named(Answer):
    """Something by id and name."""

    id: str
    name: str


class NamedInDomain(Named):
    """A user or project by id, name and domain."""

    domain: Named


class TokenUser(NamedInDomain):
    """Whose a token is."""

    password_expires_at: str | None


class ConfigShown(OpenAnswer):
    """What is configured for a domain: groups of options, or one option."""

    identity: dict[str, Any] | None = None
    ldap: dict[str, Any] | None = None


class AssignmentShown(Answer):
    """Who has which role where."""

    role: Reference
    user: Reference | None = None
    group: Reference | None = None
    scope: dict[str, Any]
    links: dict[str, str]


class CatalogEndpoint(Answer):
    """Where a service of the catalog answers."""

    id: str
    interface: str
    region: str | None
    region_id: str | None
    url: str


class CatalogEntry(Answer):
    """A service of the catalog."""

    id: str
    type: str
    name: str
    endpoints: list[CatalogEndpoint]


class TokenShown(OpenAnswer):
    """What a token says; roles and catalog only if it counts somewhere."""

    methods: list[str]
    user: TokenUser
    audit_ids: list[str]
    issued_at: str
    expires_at: str
    is_domain: bool = False
    project: NamedInDomain | None = None
    domain: Named | None = None
    system: dict[str, bool] | None = None
    roles: list[Named] = Field(default_factory=list)
    catalog: list[CatalogEntry] = Field(default_factory=list)


class VerifierShown(Answer):
    """What a user tells a consumer that he let act for him."""

    oauth_verifier: str


class RoleInBrief(Answer):
    """A role where it is named beside others."""

    id: str
    name: str
    domain_id: str | None
    links: Annotated[SelfLink, own_links("roles")]


class Inference(Answer):
    """That one role contains another."""

    prior_role: RoleInBrief
    implies: RoleInBrief


class Inferences(Answer):
    """What a role contains."""

    prior_role: RoleInBrief
    implies: list[RoleInBrief]
