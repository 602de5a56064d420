"""Who may look into and steer the engine: operators."""

from __future__ import annotations

from cloudweb.policy import admin, declare

declare(
    {
        "cloud:operations:list": admin,
        "cloud:operations:get": admin,
        "cloud:operations:retry": admin,
        "cloud:operations:cancel": admin,
    }
)
