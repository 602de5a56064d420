"""The tables of identity; imported by this app alone."""

from identity.models.assignment import Assignment
from identity.models.catalog import Endpoint, Region, Service
from identity.models.domain import DEFAULT_DOMAIN_ID, Domain
from identity.models.project import Project
from identity.models.quota import ProjectQuota
from identity.models.revocation import Revocation, RevocationCounter
from identity.models.role import Implication, Role
from identity.models.user import User

__all__ = [
    "DEFAULT_DOMAIN_ID",
    "Assignment",
    "Domain",
    "Endpoint",
    "Implication",
    "Project",
    "ProjectQuota",
    "Region",
    "Revocation",
    "RevocationCounter",
    "Role",
    "Service",
    "User",
]
