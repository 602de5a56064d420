"""Who may do what with images. What is visible or one's own is the manager's part."""

from cloudweb.policy import admin, declare, project_member, project_reader

declare(
    {
        "image:images:list": project_reader,
        "image:images:get": project_reader,
        "image:images:download": project_reader,
        "image:images:create": project_member,
        "image:images:update": project_member,
        "image:images:delete": project_member,
        "image:images:upload": project_member,
        "image:images:stage": project_member,
        "image:images:import": project_member,
        "image:images:copy": admin,
        "image:copies:remove": admin,
        "image:stores:list": project_reader,
        "image:stores:detail": admin,
        "image:images:publicize": admin,
        "image:images:set_owner": admin,
        "image:images:deactivate": admin,
        "image:images:reactivate": admin,
        "image:images:reap": admin,
        "image:members:list": project_reader,
        "image:members:get": project_reader,
        "image:members:add": project_member,
        "image:members:update": project_member,
        "image:members:delete": project_member,
        "image:metadefs:list": project_reader,
        "image:metadefs:get": project_reader,
        "image:metadefs:create": admin,
        "image:metadefs:update": admin,
        "image:metadefs:delete": admin,
        "image:tasks:list": project_reader,
        "image:usage:get": project_reader,
        "image:tasks:get": project_reader,
        "image:tags:add": project_member,
        "image:tags:delete": project_member,
    },
    reads={
        "image:images:download",
    },
)
