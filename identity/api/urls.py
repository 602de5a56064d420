"""Routes of identity: one flat table."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, path

from identity.api.access_tokens import AccessTokenRoleViewSet, AccessTokenViewSet
from identity.api.application_credentials import (
    AccessRuleViewSet,
    ApplicationCredentialViewSet,
)
from identity.api.assignments import GrantViewSet, RoleAssignmentViewSet
from identity.api.consumers import ConsumerViewSet
from identity.api.credentials import AccessKeyViewSet, CredentialViewSet
from identity.api.domain_configs import DomainConfigViewSet
from identity.api.domains import DomainViewSet
from identity.api.endpoint_filters import (
    EndpointProjectViewSet,
    ProjectEndpointGroupViewSet,
    ProjectEndpointViewSet,
)
from identity.api.endpoint_groups import (
    EndpointGroupViewSet,
    GroupEndpointViewSet,
    GroupProjectViewSet,
)
from identity.api.endpoint_policies import (
    EndpointPolicyViewSet,
    PolicyEndpointViewSet,
    PolicyOfEndpointViewSet,
)
from identity.api.endpoints import EndpointViewSet
from identity.api.groups import GroupMemberViewSet, GroupViewSet
from identity.api.identity_providers import IdentityProviderViewSet
from identity.api.implied_roles import ImpliedRoleViewSet
from identity.api.limits import LimitViewSet
from identity.api.mappings import MappingViewSet
from identity.api.oauth1 import AuthorizationViewSet, SignedViewSet
from identity.api.policies import PolicyViewSet
from identity.api.project_tags import ProjectTagViewSet
from identity.api.projects import ProjectViewSet
from identity.api.protocols import FederatedAuthViewSet, FederatedScopesViewSet, ProtocolViewSet
from identity.api.regions import RegionViewSet
from identity.api.registered_limits import RegisteredLimitViewSet
from identity.api.roles import RoleViewSet
from identity.api.services import CatalogServiceViewSet
from identity.api.signatures import SignatureViewSet
from identity.api.tokens import OwnScopesViewSet, TokenViewSet
from identity.api.trusts import TrustRoleViewSet, TrustViewSet
from identity.api.users import UserViewSet
from identity.api.versions import RootView, V3View

Actions = dict[str, Any]
LIST: Actions = {"get": "list"}
SHOW: Actions = {"get": "retrieve"}
COLLECTION: Actions = {"get": "list", "post": "create"}
MEMBER: Actions = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
TOKENS: Actions = {"post": "create", "get": "show", "head": "check", "delete": "destroy"}
NAMED: Actions = {**MEMBER, "put": "create"}
GRANT: Actions = {"put": "grant", "head": "check", "get": "check", "delete": "withdraw"}
REMOVABLE: Actions = {"get": "retrieve", "delete": "destroy"}
CONFIG = "/v3/domains/<str:domain_id>/config"
DEFAULT: Actions = {"get": "default"}
CREDENTIALS = "/v3/users/<str:user_id>/application_credentials"
ACCESS_TOKENS = "/v3/users/<str:user_id>/OS-OAUTH1/access_tokens"
ACCESS_TOKEN = f"{ACCESS_TOKENS}/<str:token_id>"
PROVIDERS = "/v3/OS-FEDERATION/identity_providers"
PROTOCOLS = f"{PROVIDERS}/<str:provider_id>/protocols"
MAPPINGS = "/v3/OS-FEDERATION/mappings"
FEDERATED_AUTH: Actions = {"get": "show", "post": "create"}
ALL_TAGS: Actions = {"get": "list", "put": "replace", "delete": "clear"}
TAG: Actions = {"get": "check", "head": "check", "put": "add", "delete": "remove"}
MEMBERSHIP: Actions = {"put": "add", "head": "check", "get": "check", "delete": "remove"}
REGION: Actions = {**MEMBER, "put": "establish"}
FILTERS = "/v3/OS-EP-FILTER"
ENDPOINT_GROUP = f"{FILTERS}/endpoint_groups/<str:group_id>"
GROUP_OF_PROJECT: Actions = {"get": "association", "put": "add", "delete": "remove"}
POLICY = "/v3/policies/<str:policy_id>"
IN_SERVICE = f"{POLICY}/OS-ENDPOINT-POLICY/services/<str:service_id>"
IMPLICATION: Actions = {
    "put": "imply",
    "get": "retrieve",
    "head": "check",
    "delete": "withdraw",
}


def grants() -> Iterator[URLPattern]:
    """Yield the routes of roles for each kind of holder at each kind of place."""
    for holder in ("users/<str:user_id>", "groups/<str:group_id>"):
        for place in ("projects/<str:project_id>", "domains/<str:domain_id>"):
            here, below = f"{place}/{holder}/roles", f"/v3/OS-INHERIT/{place}/{holder}/roles"
            yield path(f"/v3/{here}", GrantViewSet.as_view(LIST))
            yield path(f"/v3/{here}/<str:role_id>", GrantViewSet.as_view(GRANT))
            inherited, to = {"inherited": True}, "inherited_to_projects"
            yield path(f"{below}/{to}", GrantViewSet.as_view(LIST, **inherited))
            yield path(f"{below}/<str:role_id>/{to}", GrantViewSet.as_view(GRANT, **inherited))
        here = f"/v3/system/{holder}/roles"
        yield path(here, GrantViewSet.as_view(LIST, system=True))
        yield path(f"{here}/<str:role_id>", GrantViewSet.as_view(GRANT, system=True))


urlpatterns = [
    path("", RootView.as_view()),
    path("/v3", V3View.as_view()),
    path("/v3/auth/tokens", TokenViewSet.as_view(TOKENS)),
    path("/v3/ec2tokens", SignatureViewSet.as_view({"post": "of_request"})),
    path("/v3/s3tokens", SignatureViewSet.as_view({"post": "of_text"})),
    path("/v3/auth/projects", OwnScopesViewSet.as_view({"get": "projects"})),
    path("/v3/auth/domains", OwnScopesViewSet.as_view({"get": "domains"})),
    path("/v3/auth/system", OwnScopesViewSet.as_view({"get": "system"})),
    path("/v3/auth/catalog", OwnScopesViewSet.as_view({"get": "catalog"})),
    path("/v3/domains", DomainViewSet.as_view(COLLECTION)),
    path("/v3/domains/<str:domain_id>", DomainViewSet.as_view(MEMBER)),
    path("/v3/domains/config/default", DomainConfigViewSet.as_view(DEFAULT)),
    path("/v3/domains/config/<str:group>/default", DomainConfigViewSet.as_view(DEFAULT)),
    path(
        "/v3/domains/config/<str:group>/<str:option>/default", DomainConfigViewSet.as_view(DEFAULT)
    ),
    path(CONFIG, DomainConfigViewSet.as_view({**MEMBER, "put": "replace"})),
    path(f"{CONFIG}/<str:group>", DomainConfigViewSet.as_view(MEMBER)),
    path(f"{CONFIG}/<str:group>/<str:option>", DomainConfigViewSet.as_view(MEMBER)),
    path("/v3/projects", ProjectViewSet.as_view(COLLECTION)),
    path("/v3/projects/<str:project_id>", ProjectViewSet.as_view(MEMBER)),
    path("/v3/projects/<str:project_id>/tags", ProjectTagViewSet.as_view(ALL_TAGS)),
    path("/v3/projects/<str:project_id>/tags/<str:tag>", ProjectTagViewSet.as_view(TAG)),
    *grants(),
    path("/v3/users", UserViewSet.as_view(COLLECTION)),
    path("/v3/users/<str:user_id>", UserViewSet.as_view(MEMBER)),
    path("/v3/users/<str:user_id>/password", UserViewSet.as_view({"post": "change_password"})),
    path("/v3/users/<str:user_id>/projects", ProjectViewSet.as_view({"get": "list_of_user"})),
    path(CREDENTIALS, ApplicationCredentialViewSet.as_view(COLLECTION)),
    path(f"{CREDENTIALS}/<str:credential_id>", ApplicationCredentialViewSet.as_view(REMOVABLE)),
    path("/v3/users/<str:user_id>/access_rules", AccessRuleViewSet.as_view(LIST)),
    path(
        "/v3/users/<str:user_id>/access_rules/<str:rule_id>", AccessRuleViewSet.as_view(REMOVABLE)
    ),
    path("/v3/users/<str:user_id>/credentials/OS-EC2", AccessKeyViewSet.as_view(COLLECTION)),
    path(
        "/v3/users/<str:user_id>/credentials/OS-EC2/<str:access>",
        AccessKeyViewSet.as_view(REMOVABLE),
    ),
    path("/v3/credentials", CredentialViewSet.as_view(COLLECTION)),
    path("/v3/credentials/<str:secret_id>", CredentialViewSet.as_view(MEMBER)),
    path("/v3/OS-TRUST/trusts", TrustViewSet.as_view(COLLECTION)),
    path("/v3/OS-TRUST/trusts/<str:trust_id>", TrustViewSet.as_view(REMOVABLE)),
    path("/v3/OS-TRUST/trusts/<str:trust_id>/roles", TrustRoleViewSet.as_view(LIST)),
    path(
        "/v3/OS-TRUST/trusts/<str:trust_id>/roles/<str:role_id>",
        TrustRoleViewSet.as_view(SHOW),
    ),
    path("/v3/OS-OAUTH1/consumers", ConsumerViewSet.as_view(COLLECTION)),
    path("/v3/OS-OAUTH1/consumers/<str:consumer_id>", ConsumerViewSet.as_view(MEMBER)),
    path("/v3/OS-OAUTH1/request_token", SignedViewSet.as_view({"post": "request_token"})),
    path("/v3/OS-OAUTH1/access_token", SignedViewSet.as_view({"post": "access_token"})),
    path(
        "/v3/OS-OAUTH1/authorize/<str:token_id>", AuthorizationViewSet.as_view({"put": "authorize"})
    ),
    path(ACCESS_TOKENS, AccessTokenViewSet.as_view(LIST)),
    path(ACCESS_TOKEN, AccessTokenViewSet.as_view(REMOVABLE)),
    path(f"{ACCESS_TOKEN}/roles", AccessTokenRoleViewSet.as_view(LIST)),
    path(f"{ACCESS_TOKEN}/roles/<str:role_id>", AccessTokenRoleViewSet.as_view(SHOW)),
    path(PROVIDERS, IdentityProviderViewSet.as_view(LIST)),
    path(f"{PROVIDERS}/<str:provider_id>", IdentityProviderViewSet.as_view(NAMED)),
    path(PROTOCOLS, ProtocolViewSet.as_view(LIST)),
    path(f"{PROTOCOLS}/<str:protocol>", ProtocolViewSet.as_view(NAMED)),
    path(f"{PROTOCOLS}/<str:protocol>/auth", FederatedAuthViewSet.as_view(FEDERATED_AUTH)),
    path(MAPPINGS, MappingViewSet.as_view(LIST)),
    path(f"{MAPPINGS}/<str:mapping_id>", MappingViewSet.as_view(NAMED)),
    path("/v3/OS-FEDERATION/projects", FederatedScopesViewSet.as_view({"get": "projects"})),
    path("/v3/OS-FEDERATION/domains", FederatedScopesViewSet.as_view({"get": "domains"})),
    path("/v3/users/<str:user_id>/groups", GroupViewSet.as_view({"get": "list_of_user"})),
    path("/v3/groups", GroupViewSet.as_view(COLLECTION)),
    path("/v3/groups/<str:group_id>", GroupViewSet.as_view(MEMBER)),
    path("/v3/groups/<str:group_id>/users", GroupMemberViewSet.as_view(LIST)),
    path("/v3/groups/<str:group_id>/users/<str:user_id>", GroupMemberViewSet.as_view(MEMBERSHIP)),
    path("/v3/roles", RoleViewSet.as_view(COLLECTION)),
    path("/v3/roles/<str:role_id>", RoleViewSet.as_view(MEMBER)),
    path("/v3/role_assignments", RoleAssignmentViewSet.as_view(LIST)),
    path("/v3/roles/<str:prior_id>/implies", ImpliedRoleViewSet.as_view(LIST)),
    path(
        "/v3/roles/<str:prior_id>/implies/<str:implied_id>", ImpliedRoleViewSet.as_view(IMPLICATION)
    ),
    path("/v3/role_inferences", ImpliedRoleViewSet.as_view({"get": "list_all"})),
    path("/v3/services", CatalogServiceViewSet.as_view(COLLECTION)),
    path("/v3/services/<str:service_id>", CatalogServiceViewSet.as_view(MEMBER)),
    path("/v3/endpoints", EndpointViewSet.as_view(COLLECTION)),
    path("/v3/endpoints/<str:endpoint_id>", EndpointViewSet.as_view(MEMBER)),
    path(
        "/v3/endpoints/<str:endpoint_id>/OS-ENDPOINT-POLICY/policy",
        PolicyOfEndpointViewSet.as_view(SHOW),
    ),
    path("/v3/policies", PolicyViewSet.as_view(COLLECTION)),
    path(POLICY, PolicyViewSet.as_view(MEMBER)),
    path(
        f"{POLICY}/OS-ENDPOINT-POLICY/endpoints",
        PolicyEndpointViewSet.as_view(LIST),
    ),
    path(
        f"{POLICY}/OS-ENDPOINT-POLICY/endpoints/<str:endpoint_id>",
        EndpointPolicyViewSet.as_view(MEMBERSHIP),
    ),
    path(IN_SERVICE, EndpointPolicyViewSet.as_view(MEMBERSHIP)),
    path(f"{IN_SERVICE}/regions/<str:region_id>", EndpointPolicyViewSet.as_view(MEMBERSHIP)),
    path(f"{FILTERS}/endpoint_groups", EndpointGroupViewSet.as_view(COLLECTION)),
    path(ENDPOINT_GROUP, EndpointGroupViewSet.as_view(MEMBER)),
    path(f"{ENDPOINT_GROUP}/endpoints", GroupEndpointViewSet.as_view(LIST)),
    path(f"{ENDPOINT_GROUP}/projects", GroupProjectViewSet.as_view(LIST)),
    path(
        f"{ENDPOINT_GROUP}/projects/<str:project_id>",
        GroupProjectViewSet.as_view(GROUP_OF_PROJECT),
    ),
    path(
        f"{FILTERS}/endpoints/<str:endpoint_id>/projects",
        EndpointProjectViewSet.as_view(LIST),
    ),
    path(
        f"{FILTERS}/projects/<str:project_id>/endpoints",
        ProjectEndpointViewSet.as_view(LIST),
    ),
    path(
        f"{FILTERS}/projects/<str:project_id>/endpoint_groups",
        ProjectEndpointGroupViewSet.as_view(LIST),
    ),
    path(
        f"{FILTERS}/projects/<str:project_id>/endpoints/<str:endpoint_id>",
        ProjectEndpointViewSet.as_view(MEMBERSHIP),
    ),
    path("/v3/regions", RegionViewSet.as_view(COLLECTION)),
    path("/v3/regions/<str:region_id>", RegionViewSet.as_view(REGION)),
    path("/v3/registered_limits", RegisteredLimitViewSet.as_view(COLLECTION)),
    path("/v3/registered_limits/<str:limit_id>", RegisteredLimitViewSet.as_view(MEMBER)),
    path("/v3/limits", LimitViewSet.as_view(COLLECTION)),
    path("/v3/limits/model", LimitViewSet.as_view({"get": "model"})),
    path("/v3/limits/<str:limit_id>", LimitViewSet.as_view(MEMBER)),
]
