"""Who may do what with hosts and flavors (contract 11.1)."""

from __future__ import annotations

from cloudweb.policy import admin, authenticated, declare, the_cloud_itself

declare(
    {
        "compute:flavors:list": authenticated,
        "compute:flavors:show": authenticated,
        "compute:flavors:create": admin,
        "compute:flavors:update": admin,
        "compute:flavors:delete": admin,
        "compute:flavor_extra_specs:list": authenticated,
        "compute:flavor_extra_specs:show": authenticated,
        "compute:flavor_extra_specs:create": admin,
        "compute:flavor_extra_specs:update": admin,
        "compute:flavor_extra_specs:delete": admin,
        "compute:flavor_access:list": admin,
        "compute:flavor_access:add": admin,
        "compute:flavor_access:remove": admin,
        "compute:hosts:able": authenticated,
        "compute:hosts:list": admin,
        "compute:hosts:show": admin,
        "compute:hosts:update": admin,
        "compute:hosts:delete": admin,
        "compute:hosts:report": the_cloud_itself,
        "compute:services:list": admin,
        "compute:services:update": admin,
        "compute:services:delete": admin,
        "compute:hypervisors:list": admin,
        "compute:hypervisors:show": admin,
        "compute:zones:list": authenticated,
        "compute:zones:detail": admin,
        "compute:aggregates:list": admin,
        "compute:aggregates:get": admin,
        "compute:aggregates:create": admin,
        "compute:aggregates:update": admin,
        "compute:aggregates:delete": admin,
        "compute:aggregates:match": authenticated,
        "compute:extensions:list": authenticated,
    },
    reads={"compute:hosts:able", "compute:aggregates:match"},
)
