"""Identity in the operator's console, one noun a file."""

from identity.admin import (
    assignments,
    catalog,
    consumers,
    domains,
    federation,
    groups,
    limits,
    projects,
    quotas,
    roles,
    users,
)

__all__ = [
    "assignments",
    "catalog",
    "consumers",
    "domains",
    "federation",
    "groups",
    "limits",
    "projects",
    "quotas",
    "roles",
    "users",
]
