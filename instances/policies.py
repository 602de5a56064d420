"""Who may do what with servers (contract 11.1)."""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.policy import (
    admin,
    authenticated,
    declare,
    own_member,
    own_reader,
    project_manager,
    project_member,
    project_reader,
    service,
    the_cloud_itself,
)
from cloudweb.states import Mode
from instances.actions import ACTIONS


def host_metadata(context: RequestContext) -> bool:
    """Allow the cloud itself: a host asks on behalf of its guests."""
    return context.is_system


declare(
    {
        "compute:servers:list": project_reader,
        "compute:servers:list_all_projects": admin,
        "compute:servers:get": project_reader,
        "compute:servers:create": project_member,
        "compute:servers:create_on_host": admin,
        "compute:servers:consider": project_member,
        "compute:servers:metadata": project_reader,
        "compute:servers:tags": project_reader,
        "compute:servers:volumes": project_reader,
        "compute:servers:migrate_to_host": admin,
        "compute:drains:list": admin,
        "compute:drains:start": admin,
        "compute:drains:end": admin,
        "compute:drains:advance": the_cloud_itself,
        "compute:servers:live_migrate_to_host": admin,
        "compute:migrations:list": admin,
        "compute:migrations:of_server": project_manager,
        "compute:migrations:force_complete": project_manager,
        "compute:migrations:abort": project_manager,
        "compute:servers:confirm_overdue": the_cloud_itself,
        "compute:servers:reclaim": admin,
        "compute:servers:unshelve_to_host": admin,
        "compute:servers:offload_shelved": admin,
        "compute:external_events:create": service,
        "compute:servers:actions": project_reader,
        "compute:servers:diagnostics": admin,
        "compute:servers:topology": project_reader,
        "compute:servers:topology_on_host": admin,
        "compute:servers:meters": project_reader,
        "compute:servers:posted_password": project_reader,
        "compute:servers:forget_posted_password": project_member,
        "compute:servers:unlock_override": admin,
        "compute:servers:guest_metadata": host_metadata,
        **{action.policy: action.rule for action in ACTIONS.values()},
        "compute:consoles:connect": authenticated,
        "compute:consoles:forget": the_cloud_itself,
        "compute:server_groups:list": project_reader,
        "compute:server_groups:list_all_projects": admin,
        "compute:server_groups:get": project_reader,
        "compute:server_groups:create": project_member,
        "compute:server_groups:delete": project_member,
        "compute:keypairs:list": own_reader,
        "compute:keypairs:get": own_reader,
        "compute:keypairs:create": own_member,
        "compute:keypairs:delete": own_member,
        "compute:keypairs:others": admin,
        "compute:quotas:get": project_reader,
        "compute:quotas:update": admin,
        "compute:aggregates:cache_images": admin,
        "compute:quota_classes:get": admin,
        "compute:quota_classes:update": admin,
        "compute:console_tokens:get": service,
        "compute:limits:get": authenticated,
        "compute:usage:list": admin,
        "compute:usage:get": project_reader,
    },
    reads={
        *(action.policy for action in ACTIONS.values() if action.mode is Mode.READING),
        "compute:servers:consider",
        "compute:servers:metadata",
        "compute:migrations:list",
        "compute:migrations:of_server",
        "compute:servers:tags",
        "compute:servers:volumes",
        "compute:servers:actions",
        "compute:servers:diagnostics",
        "compute:servers:topology",
        "compute:servers:topology_on_host",
        "compute:servers:posted_password",
        "compute:servers:guest_metadata",
    },
)
