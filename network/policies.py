"""Who may do what with networks, subnets, ports, routers, floating IPs and security groups."""

from __future__ import annotations

from cloudweb.policy import (
    admin,
    authenticated,
    declare,
    project_manager,
    project_member,
    project_reader,
    system_reader,
    the_cloud_itself,
)

_NOUNS = (
    "networks",
    "subnets",
    "ports",
    "routers",
    "floating_ips",
    "port_forwardings",
    "security_groups",
    "security_group_rules",
    "rbac_policies",
    "subnet_pools",
    "address_scopes",
    "address_groups",
    "trunks",
)
_MANAGED = ("qos_policies", "qos_rules")

declare(
    {
        **{f"network:{noun}:{verb}": project_reader for noun in _NOUNS for verb in ("list", "get")},
        **{
            f"network:{noun}:{verb}": project_member
            for noun in _NOUNS
            for verb in ("create", "update", "delete")
        },
        **{
            f"network:{noun}:{verb}": project_reader
            for noun in _MANAGED
            for verb in ("list", "get")
        },
        **{
            f"network:{noun}:{verb}": project_manager
            for noun in _MANAGED
            for verb in ("create", "update", "delete")
        },
        "network:qos_policies:set_shared": admin,
        "network:qos_rule_types:list": authenticated,
        "network:qos_rule_types:get": admin,
        "network:default_security_group_rules:list": authenticated,
        "network:default_security_group_rules:get": authenticated,
        "network:default_security_group_rules:create": admin,
        "network:default_security_group_rules:delete": admin,
        "network:auto_allocated_topologies:get": project_member,
        "network:auto_allocated_topologies:delete": project_member,
        "network:ip_availabilities:list": project_reader,
        "network:ip_availabilities:get": project_reader,
        "network:routers:add_interface": project_member,
        "network:routers:remove_interface": project_member,
        # Attributes that only operators set, filter by, or see.
        "network:networks:set_provider": admin,
        "network:networks:set_shared": admin,
        "network:subnet_pools:set_shared": admin,
        "network:address_scopes:set_shared": admin,
        "network:subnets:set_on_other_network": admin,
        "network:ports:set_binding": admin,
        "network:ports:set_mac_address": admin,
        "network:ports:set_cloud_owner": admin,
        "network:ports:set_other_device": admin,
        "network:ports:set_on_other_network": admin,
        "network:routers:set_gateway_details": admin,
        "network:floating_ips:set_address": admin,
        "network:rbac_policies:set_for_all": admin,
        "network:any:set_project": admin,
        "network:any:see_operator_attributes": admin,
        "network:agents:report": the_cloud_itself,
        "network:routers:follow": the_cloud_itself,
        "network:subnets:address_ports": the_cloud_itself,
        # What the cloud's own parts do with ports.
        "network:ports:bind": project_member,
        "network:ports:of_servers": the_cloud_itself,
        "network:ports:set_status": admin,
        "network:ports:wiring": admin,
        # What the dashboard's buttons do in one go.
        "network:traffic:allow": project_member,
        "network:path_traces:create": project_reader,
        "network:tags:list": project_reader,
        "network:tags:update": project_member,
        "network:quotas:get": project_reader,
        "network:quotas:get_other": admin,
        "network:quotas:list": admin,
        "network:quotas:update": admin,
        "network:segments:list": admin,
        "network:segments:get": admin,
        "network:segments:update": admin,
        "network:segment_ranges:list": admin,
        "network:segment_ranges:get": admin,
        "network:segment_ranges:create": admin,
        "network:segment_ranges:update": admin,
        "network:segment_ranges:delete": admin,
        "network:agents:list": authenticated,
        "network:agents:get": system_reader,
        "network:agents:update": admin,
        "network:service_providers:list": authenticated,
        "network:scheduling:list": system_reader,
        "network:scheduling:update": admin,
        "network:availability_zones:list": authenticated,
        "network:extensions:list": authenticated,
    },
    reads={
        "network:ports:wiring",
        "network:path_traces:create",
    },
)
