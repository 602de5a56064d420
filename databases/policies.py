"""Who may do what with databases (contract 11.1). What is one's own is the manager's part."""

from __future__ import annotations

from cloudweb.policy import admin, declare, project_member, project_reader

declare(
    {
        "database:datastores:list": project_reader,
        "database:datastores:get": project_reader,
        "database:datastores:create": admin,
        "database:datastores:update": admin,
        "database:datastores:delete": admin,
        "database:datastores:see_all": admin,
        "database:flavors:list": project_reader,
        "database:limits:get": project_reader,
        "database:quotas:get": admin,
        "database:quotas:update": admin,
        "database:instances:list": project_reader,
        "database:instances:list_all_projects": admin,
        "database:instances:get": project_reader,
        "database:instances:create": project_member,
        "database:instances:update": project_member,
        "database:instances:delete": project_member,
    },
    reads=("database:datastores:see_all", "database:instances:list_all_projects"),
)
