"""Identity's managers, one a noun; every read and write of its tables is in one of them."""

from identity.manager.assignments import AssignmentManager
from identity.manager.catalog import CatalogManager
from identity.manager.domains import DomainManager
from identity.manager.projects import ProjectManager
from identity.manager.quotas import QuotaManager
from identity.manager.roles import RoleManager
from identity.manager.tokens import IssuedToken, TokenManager
from identity.manager.users import UserManager

__all__ = [
    "AssignmentManager",
    "CatalogManager",
    "DomainManager",
    "IssuedToken",
    "ProjectManager",
    "QuotaManager",
    "RoleManager",
    "TokenManager",
    "UserManager",
]
