"""What identity's answers look like, for the schema; the functions in ``serializers`` make them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cloudweb.api.answers import Answer, OpenAnswer
from cloudweb.api.page_links import ListLinks
from identity.api.serializers.attributes import SelfLink
from identity.api.serializers.roles import RoleShown


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


class EndpointGroupShown(Answer):
    """Endpoints of one service, region or interface."""

    id: str
    name: str
    description: str
    filters: dict[str, str]
    links: SelfLink


class EndpointGroupAssociation(Answer):
    """That a project has an endpoint group."""

    endpoint_group_id: str
    project_id: str
    links: SelfLink


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


class RoleNamed(Named):
    """A role by id and name."""

    domain_id: str | None


class AccessRuleShown(Answer):
    """A request a program may make."""

    id: str
    service: str
    method: str
    path: str
    links: SelfLink


class RuleOfCredential(Answer):
    """The same, within an application credential."""

    id: str
    service: str
    method: str
    path: str


class ApplicationCredentialShown(Answer):
    """A log-in of a program; ``secret`` is in the answer that made it alone."""

    id: str
    name: str
    description: str | None
    project_id: str
    user_id: str
    unrestricted: bool
    system: None
    expires_at: str | None
    roles: list[RoleNamed]
    access_rules: list[RuleOfCredential] | None = None
    secret: str | None = None
    links: SelfLink


class CredentialShown(OpenAnswer):
    """A secret that a user keeps, with the attributes he invented."""

    id: str
    user_id: str
    project_id: str | None
    type: str
    blob: str | None
    links: SelfLink


class AccessKeyShown(Answer):
    """An EC2 key."""

    access: str
    secret: str | None
    user_id: str
    tenant_id: str
    trust_id: str | None
    links: SelfLink


class ConsumerShown(OpenAnswer):
    """A program that acts for users who let it; ``secret`` is in the answer that made it alone."""

    id: str
    description: str
    secret: str | None = None
    links: SelfLink


class AccessTokenLinks(SelfLink):
    """Where an access token and its roles are."""

    roles: str


class AccessTokenShown(Answer):
    """What a consumer may do for a user."""

    id: str
    consumer_id: str
    project_id: str
    authorizing_user_id: str
    expires_at: str
    links: AccessTokenLinks


class VerifierShown(Answer):
    """What a user tells a consumer that he let act for him."""

    oauth_verifier: str


class TrustShown(Answer):
    """What one user delegates to another."""

    id: str
    trustor_user_id: str
    trustee_user_id: str
    project_id: str | None
    impersonation: bool
    expires_at: str | None
    deleted_at: str | None
    remaining_uses: int | None
    redelegation_count: int
    redelegated_trust_id: str | None
    roles: list[RoleShown]
    roles_links: ListLinks
    links: SelfLink


class ProviderLinks(SelfLink):
    """Where a provider and its protocols are."""

    protocols: str


class ProviderShown(Answer):
    """Who else may vouch for users."""

    id: str
    domain_id: str
    description: str
    enabled: bool
    remote_ids: list[str]
    authorization_ttl: int | None
    links: ProviderLinks


class MappingShown(Answer):
    """From a provider's claims to a user and groups."""

    id: str
    rules: list[dict[str, Any]]
    schema_version: str
    links: SelfLink


class ProtocolLinks(SelfLink):
    """Where a protocol and its provider are."""

    identity_provider: str


class ProtocolShown(Answer):
    """How a provider is spoken to."""

    id: str
    mapping_id: str
    remote_id_attribute: str | None
    links: ProtocolLinks
