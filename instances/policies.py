"""Who may do what with servers (contract 11.1)."""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.policy import (
    admin,
    authenticated,
    declare,
    own_member,
    own_reader,
    project_member,
    project_reader,
)


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
        "compute:servers:update": project_member,
        "compute:servers:delete": project_member,
        "compute:servers:start": project_member,
        "compute:servers:stop": project_member,
        "compute:servers:reboot": project_member,
        "compute:servers:console_output": project_member,
        "compute:servers:metadata": project_reader,
        "compute:servers:update_metadata": project_member,
        "compute:servers:actions": project_reader,
        "compute:servers:guest_metadata": host_metadata,
        "compute:keypairs:list": own_reader,
        "compute:keypairs:get": own_reader,
        "compute:keypairs:create": own_member,
        "compute:keypairs:delete": own_member,
        "compute:keypairs:others": admin,
        "compute:quotas:get": project_reader,
        "compute:quotas:update": admin,
        "compute:limits:get": authenticated,
    },
    reads={
        "compute:servers:console_output",
        "compute:servers:metadata",
        "compute:servers:actions",
        "compute:servers:guest_metadata",
    },
)
