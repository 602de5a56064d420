"""Who may do what in identity (contract 11.1).

Operators manage, readers of the system read, a domain's managers and readers do so in their domain
(the managers narrow to it), and everyone sees to himself: ``self_service`` methods narrow what they
show to the caller's own rows. What is a secret or a second factor is for him in person, not for what
acts for him.
"""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.policy import (
    admin,
    authenticated,
    declare,
    domain_manager,
    domain_reader,
    in_person,
    project_manager,
    project_reader,
    system_reader,
    the_cloud_itself,
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


def own_programs(context: RequestContext) -> bool:
    """Allow users and their programs; a trustee or a bearer of an EC2 key has no business there."""
    return in_person(context) or (authenticated(context) and bool(context.credential_id))


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
        "identity:application_credentials:list": own_programs,
        "identity:application_credentials:get": own_programs,
        "identity:application_credentials:create": own_programs,
        "identity:application_credentials:delete": own_programs,
        "identity:access_rules:list": own_programs,
        "identity:access_rules:get": own_programs,
        "identity:access_rules:delete": own_programs,
        "identity:credentials:list": in_person,
        "identity:credentials:get": in_person,
        "identity:credentials:create": in_person,
        "identity:credentials:update": in_person,
        "identity:credentials:delete": in_person,
        "identity:ec2_credentials:list": in_person,
        "identity:ec2_credentials:get": in_person,
        "identity:ec2_credentials:create": in_person,
        "identity:ec2_credentials:delete": in_person,
        "identity:trusts:list": self_service,
        "identity:trusts:get": self_service,
        "identity:trusts:create": self_service,
        "identity:trusts:delete": self_service,
        "identity:trusts:list_roles": self_service,
        "identity:trusts:get_role": self_service,
        "identity:consumers:list": system_reader,
        "identity:consumers:get": system_reader,
        "identity:consumers:create": admin,
        "identity:consumers:update": admin,
        "identity:consumers:delete": admin,
        "identity:request_tokens:create": anyone,
        "identity:request_tokens:authorize": in_person,
        "identity:access_tokens:create": anyone,
        "identity:access_tokens:list": in_person,
        "identity:access_tokens:get": in_person,
        "identity:access_tokens:delete": in_person,
        "identity:access_token_roles:list": in_person,
        "identity:access_token_roles:get": in_person,
        "identity:domains:list": domain_reader,
        "identity:domains:get": self_service,
        "identity:domains:create": admin,
        "identity:domains:update": admin,
        "identity:domains:delete": admin,
        "identity:domain_configs:get": system_reader,
        "identity:domain_configs:default": system_reader,
        "identity:domain_configs:create": admin,
        "identity:domain_configs:update": admin,
        "identity:domain_configs:delete": admin,
        "identity:security_compliance:get": authenticated,
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
        "identity:second_factors:get": in_person,
        "identity:second_factors:begin": in_person,
        "identity:second_factors:create": in_person,
        "identity:second_factors:delete": in_person,
        "identity:second_factors:reset": admin,
        "identity:recovery_codes:create": in_person,
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
        "identity:members:list": project_reader,
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
        "identity:federation:expire": the_cloud_itself,
        "identity:directories:synchronize": the_cloud_itself,
        "identity:sessions:forget": the_cloud_itself,
    },
    reads={
        "identity:domain_configs:default",
        "identity:trusts:list_roles",
        "identity:trusts:get_role",
        "identity:second_factors:begin",
    },
)
