"""Who may look into and steer the engine: operators."""

from __future__ import annotations

from cloudweb.policy import admin, declare, the_cloud_itself

declare(
    {
        "cloud:operations:list": admin,
        "cloud:operations:get": admin,
        "cloud:operations:retry": admin,
        "cloud:operations:cancel": admin,
        "cloud:operations:forget": the_cloud_itself,
        "cloud:periodic_tasks:update": admin,
        "cloud:periodic_tasks:run": admin,
    }
)
