"""Identity's managers, one a noun; every read and write of its tables is in one of them."""

from identity.manager.access_keys import AccessKeyManager
from identity.manager.access_tokens import AccessTokenManager
from identity.manager.application_credentials import ApplicationCredentialManager
from identity.manager.assignments import AssignmentManager
from identity.manager.catalog import CatalogManager
from identity.manager.catalog_services import CatalogServiceManager
from identity.manager.consumers import ConsumerManager
from identity.manager.credentials import CredentialManager
from identity.manager.directories import DirectoryManager
from identity.manager.domain_configs import DomainConfigManager
from identity.manager.domains import DomainManager
from identity.manager.endpoint_filters import EndpointFilterManager
from identity.manager.endpoint_groups import EndpointGroupManager
from identity.manager.endpoint_policies import EndpointPolicyManager
from identity.manager.endpoints import EndpointManager
from identity.manager.federation import FederationManager
from identity.manager.groups import GroupManager
from identity.manager.identity_providers import IdentityProviderManager
from identity.manager.implied_roles import ImpliedRoleManager
from identity.manager.limits import LimitManager
from identity.manager.mappings import MappingManager
from identity.manager.members import MemberManager
from identity.manager.policies import PolicyManager
from identity.manager.project_tags import ProjectTagManager
from identity.manager.projects import ProjectManager
from identity.manager.protocols import ProtocolManager
from identity.manager.quotas import QuotaManager
from identity.manager.regions import RegionManager
from identity.manager.registered_limits import RegisteredLimitManager
from identity.manager.request_tokens import RequestTokenManager
from identity.manager.roles import RoleManager
from identity.manager.second_factor import SecondFactorManager
from identity.manager.sessions import SessionManager
from identity.manager.signatures import SignatureManager
from identity.manager.tokens import IssuedToken, TokenManager
from identity.manager.trusts import TrustManager
from identity.manager.users import UserManager

__all__ = [
    "AccessKeyManager",
    "AccessTokenManager",
    "ApplicationCredentialManager",
    "AssignmentManager",
    "CatalogManager",
    "CatalogServiceManager",
    "ConsumerManager",
    "CredentialManager",
    "DirectoryManager",
    "DomainConfigManager",
    "DomainManager",
    "EndpointFilterManager",
    "EndpointGroupManager",
    "EndpointManager",
    "EndpointPolicyManager",
    "FederationManager",
    "GroupManager",
    "IdentityProviderManager",
    "ImpliedRoleManager",
    "IssuedToken",
    "LimitManager",
    "MappingManager",
    "MemberManager",
    "PolicyManager",
    "ProjectManager",
    "ProjectTagManager",
    "ProtocolManager",
    "QuotaManager",
    "RegionManager",
    "RegisteredLimitManager",
    "RequestTokenManager",
    "RoleManager",
    "SecondFactorManager",
    "SessionManager",
    "SignatureManager",
    "TokenManager",
    "TrustManager",
    "UserManager",
]
