"""Who may do what in identity (contract 11.1): operators manage, everyone sees to himself.

``self_service`` methods narrow what they show to the caller's own rows.
"""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.policy import admin, authenticated, declare


def anyone(context: RequestContext) -> bool:
    """Allow callers without a token: those who log in."""
    return True


def service_or_self(context: RequestContext) -> bool:
    """Allow every token; the method lets all but admins and services see only their own."""
    return authenticated(context)


self_service = authenticated

declare(
    {
        "identity:tokens:issue": anyone,
        "identity:tokens:validate": service_or_self,
        "identity:tokens:revoke": service_or_self,
        "identity:auth_projects:list": self_service,
        "identity:auth_catalog:get": self_service,
        "identity:domains:list": admin,
        "identity:domains:get": self_service,
        "identity:domains:create": admin,
        "identity:domains:update": admin,
        "identity:projects:list": admin,
        "identity:projects:get": self_service,
        "identity:projects:create": admin,
        "identity:projects:update": admin,
        "identity:projects:delete": admin,
        "identity:user_projects:list": self_service,
        "identity:users:list": admin,
        "identity:users:get": self_service,
        "identity:users:create": admin,
        "identity:users:update": admin,
        "identity:users:delete": admin,
        "identity:user_passwords:change": self_service,
        "identity:roles:list": admin,
        "identity:roles:get": admin,
        "identity:roles:create": admin,
        "identity:roles:update": admin,
        "identity:roles:delete": admin,
        "identity:implied_roles:create": admin,
        "identity:grants:create": admin,
        "identity:grants:check": admin,
        "identity:grants:list": admin,
        "identity:grants:revoke": admin,
        "identity:role_assignments:list": admin,
        "identity:services:list": admin,
        "identity:services:get": admin,
        "identity:services:create": admin,
        "identity:endpoints:list": admin,
        "identity:endpoints:get": admin,
        "identity:endpoints:create": admin,
        "identity:endpoints:update": admin,
        "identity:regions:list": authenticated,
        "identity:regions:get": authenticated,
        "identity:regions:create": admin,
        "identity:quotas:update": admin,
    }
)
