"""The tables of identity; imported by this app alone."""

from identity.models.application_credential import AccessRule, ApplicationCredential
from identity.models.assignment import Assignment
from identity.models.catalog import Endpoint, Region, Service
from identity.models.credential import Credential, UsedPasscode
from identity.models.domain import DEFAULT_DOMAIN_ID, Domain
from identity.models.domain_option import DomainOption
from identity.models.endpoint_group import EndpointGroup
from identity.models.federation import FederatedUser, IdentityProvider, Mapping, Protocol
from identity.models.group import Group, Membership
from identity.models.limit import Limit, RegisteredLimit
from identity.models.oauth1 import AccessToken, Consumer, RequestToken, UsedNonce
from identity.models.policy import Policy, PolicyAssociation
from identity.models.project import Project
from identity.models.quota import ProjectQuota
from identity.models.revocation import Revocation, RevocationCounter
from identity.models.role import Implication, Role
from identity.models.second_factor import RecoveryCode
from identity.models.trust import Trust
from identity.models.user import PastPassword, Source, User

__all__ = [
    "DEFAULT_DOMAIN_ID",
    "AccessRule",
    "AccessToken",
    "ApplicationCredential",
    "Assignment",
    "Consumer",
    "Credential",
    "Domain",
    "DomainOption",
    "Endpoint",
    "EndpointGroup",
    "FederatedUser",
    "Group",
    "IdentityProvider",
    "Implication",
    "Limit",
    "Mapping",
    "Membership",
    "PastPassword",
    "Policy",
    "PolicyAssociation",
    "Project",
    "ProjectQuota",
    "Protocol",
    "RecoveryCode",
    "Region",
    "RegisteredLimit",
    "RequestToken",
    "Revocation",
    "RevocationCounter",
    "Role",
    "Service",
    "Source",
    "Trust",
    "UsedNonce",
    "UsedPasscode",
    "User",
]
