"""Who may do what with volumes (contract 11.1). What is one's own is the manager's part."""

from __future__ import annotations

from cloudweb.policy import admin, declare, project_member, project_reader, the_cloud_itself

declare(
    {
        "volume:volumes:list": project_reader,
        "volume:volumes:get": project_reader,
        "volume:volumes:summary": project_reader,
        "volume:volumes:create": project_member,
        "volume:volumes:update": project_member,
        "volume:volumes:delete": project_member,
        "volume:volumes:force_delete": admin,
        "volume:volumes:extend": project_member,
        "volume:volumes:reset_status": admin,
        "volume:volumes:list_all_projects": admin,
        "volume:types:get": project_reader,
        "volume:attachments:list": project_reader,
        "volume:attachments:get": project_reader,
        "volume:attachments:create": project_member,
        "volume:attachments:update": project_member,
        "volume:attachments:delete": project_member,
        "volume:pools:report": the_cloud_itself,
        "volume:pools:list": admin,
        "volume:pools:update": admin,
    },
    reads={"volume:volumes:summary", "volume:volumes:list_all_projects"},
)
