"""Identity in the operator's console, one noun a file."""

from django.contrib import admin
from django.contrib.auth import models as auth

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

# Rights come from roles: Django's own groups give none here.
if admin.site.is_registered(auth.Group):
    admin.site.unregister(auth.Group)
