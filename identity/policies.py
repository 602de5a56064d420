"""Who may do what in identity (contract 11.1).

Operators manage, readers of the system read, a domain's managers and readers do so in their domain
(the managers narrow to it), and everyone sees to himself: ``self_service`` methods narrow what they
show to the caller's own rows.
"""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.policy import (
    admin,
    authenticated,
    declare,
    domain_manager,
    domain_reader,
    project_manager,
    system_reader,
)


def anyone(context: RequestContext) -> bool:
    """Allow callers without a token: those who log in."""
    return True


def service_or_self(context: RequestContext) -> bool:
    """Allow every token; the method lets all but admins and services see only their own."""
    return authenticated(context)


def operator_or_service(context: RequestContext) -> bool:
    """Allow operators, and services that act for those who ask them."""
    return context.is_admin or "service" in context.roles


def giver(context: RequestContext) -> bool:
    """Allow whoever reads a domain, and managers of projects: they choose roles to give."""
    return domain_reader(context) or project_manager(context)


self_service = authenticated

declare(
    {
        "identity:tokens:issue": anyone,
        "identity:ec2_tokens:issue": operator_or_service,
        "identity:tokens:validate": service_or_self,
        "identity:tokens:revoke": service_or_self,
        "identity:auth_projects:list": self_service,
        "identity:auth_catalog:get": self_service,
        "identity:auth_domains:list": self_service,
        "identity:auth_system:get": self_service,
        "identity:application_credentials:list": self_service,
        "identity:application_credentials:get": self_service,
        "identity:application_credentials:create": self_service,
        "identity:application_credentials:delete": self_service,
        "identity:access_rules:list": self_service,
        "identity:access_rules:get": self_service,
        "identity:access_rules:delete": self_service,
        "identity:credentials:list": self_service,
        "identity:credentials:get": self_service,
        "identity:credentials:create": self_service,
        "identity:credentials:update": self_service,
        "identity:credentials:delete": self_service,
        "identity:ec2_credentials:list": self_service,
        "identity:ec2_credentials:get": self_service,
        "identity:ec2_credentials:create": self_service,
        "identity:ec2_credentials:delete": self_service,
        "identity:trusts:list": self_service,
        "identity:trusts:get": self_service,
        "identity:trusts:create": self_service,
        "identity:trusts:delete": self_service,
        "identity:trusts:list_roles": self_service,
        "identity:trusts:get_role": self_service,
        "identity:domains:list": domain_reader,
        "identity:domains:get": self_service,
        "identity:domains:create": admin,
        "identity:domains:update": admin,
        "identity:domains:delete": admin,
        "identity:projects:list": domain_reader,
        "identity:projects:get": self_service,
        "identity:projects:create": domain_manager,
        "identity:projects:update": domain_manager,
        "identity:projects:delete": domain_manager,
        "identity:project_tags:list": self_service,
        "identity:project_tags:get": self_service,
        "identity:project_tags:create": domain_manager,
        "identity:project_tags:update": domain_manager,
        "identity:project_tags:delete": domain_manager,
        "identity:user_projects:list": self_service,
        "identity:users:list": domain_reader,
        "identity:users:get": self_service,
        "identity:users:create": domain_manager,
        "identity:users:update": domain_manager,
        "identity:users:delete": domain_manager,
        "identity:user_passwords:change": anyone,
        "identity:second_factors:get": self_service,
        "identity:second_factors:begin": self_service,
        "identity:second_factors:create": self_service,
        "identity:second_factors:delete": self_service,
        "identity:second_factors:reset": admin,
        "identity:recovery_codes:create": self_service,
        "identity:own_roles:list": self_service,
        "identity:user_groups:list": self_service,
        "identity:groups:list": domain_reader,
        "identity:groups:get": domain_reader,
        "identity:groups:create": domain_manager,
        "identity:groups:update": domain_manager,
        "identity:groups:delete": domain_manager,
        "identity:group_members:list": domain_reader,
        "identity:group_members:check": domain_reader,
        "identity:group_members:add": domain_manager,
        "identity:group_members:remove": domain_manager,
        "identity:roles:list": giver,
        "identity:roles:get": giver,
        "identity:roles:create": admin,
        "identity:roles:update": admin,
        "identity:roles:delete": admin,
        "identity:implied_roles:list": system_reader,
        "identity:implied_roles:get": system_reader,
        "identity:implied_roles:create": admin,
        "identity:implied_roles:delete": admin,
        "identity:grants:create": domain_manager,
        "identity:grants:check": domain_reader,
        "identity:grants:list": domain_reader,
        "identity:grants:revoke": domain_manager,
        "identity:role_assignments:list": domain_reader,
        "identity:members:list": project_manager,
        "identity:members:add": project_manager,
        "identity:members:update": project_manager,
        "identity:members:remove": project_manager,
        "identity:services:list": system_reader,
        "identity:services:get": system_reader,
        "identity:services:create": admin,
        "identity:services:update": admin,
        "identity:services:delete": admin,
        "identity:endpoints:list": system_reader,
        "identity:endpoints:get": system_reader,
        "identity:endpoints:create": admin,
        "identity:endpoints:update": admin,
        "identity:endpoints:delete": admin,
        "identity:endpoint_groups:list": system_reader,
        "identity:endpoint_groups:get": system_reader,
        "identity:endpoint_groups:create": admin,
        "identity:endpoint_groups:update": admin,
        "identity:endpoint_groups:delete": admin,
        "identity:endpoint_filters:list": system_reader,
        "identity:endpoint_filters:check": system_reader,
        "identity:endpoint_filters:create": admin,
        "identity:endpoint_filters:delete": admin,
        "identity:policies:list": system_reader,
        "identity:policies:get": system_reader,
        "identity:policies:create": admin,
        "identity:policies:update": admin,
        "identity:policies:delete": admin,
        "identity:endpoint_policies:list": system_reader,
        "identity:endpoint_policies:get": system_reader,
        "identity:endpoint_policies:check": system_reader,
        "identity:endpoint_policies:create": admin,
        "identity:endpoint_policies:delete": admin,
        "identity:regions:list": authenticated,
        "identity:regions:get": authenticated,
        "identity:regions:create": admin,
        "identity:regions:update": admin,
        "identity:regions:delete": admin,
        "identity:registered_limits:list": authenticated,
        "identity:registered_limits:get": authenticated,
        "identity:registered_limits:create": admin,
        "identity:registered_limits:update": admin,
        "identity:registered_limits:delete": admin,
        "identity:limits:list": self_service,
        "identity:limits:get": self_service,
        "identity:limits:create": admin,
        "identity:limits:update": admin,
        "identity:limits:delete": admin,
        "identity:limit_model:get": authenticated,
        "identity:quotas:update": admin,
        "identity:identity_providers:list": system_reader,
        "identity:identity_providers:get": system_reader,
        "identity:identity_providers:create": admin,
        "identity:identity_providers:update": admin,
        "identity:identity_providers:delete": admin,
        "identity:mappings:list": system_reader,
        "identity:mappings:get": system_reader,
        "identity:mappings:create": admin,
        "identity:mappings:update": admin,
        "identity:mappings:delete": admin,
        "identity:protocols:list": system_reader,
        "identity:protocols:get": system_reader,
        "identity:protocols:create": admin,
        "identity:protocols:update": admin,
        "identity:protocols:delete": admin,
        "identity:federation:log_in": anyone,
        "identity:federation:show": anyone,
    },
    reads={
        "identity:trusts:list_roles",
        "identity:trusts:get_role",
        "identity:second_factors:begin",
    },
)
