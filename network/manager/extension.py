"""The parts of the network API that are here; clients take code paths by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cloudweb.manager import Manager
from cloudweb.policy import policy
from network.drivers.base import STATELESS_FILTERS, TRUNKS
from network.exceptions import ExtensionNotFound
from network.manager.capability import offered


class Extension(NamedTuple):
    """An extension: clients look for the alias, a few for the name."""

    alias: str
    name: str
    description: str


EXTENSIONS = (
    Extension("address-group", "Address group", "Lists of addresses that rules name"),
    Extension("address-scope", "Address scope", "Where each address means one thing"),
    Extension("agent", "agent", "What does networks on each host, for operators"),
    Extension("allowed-address-pairs", "Allowed Address Pairs", "More addresses for a port"),
    Extension("auto-allocated-topology", "Auto Allocated Topology Services", "Get me a network"),
    Extension("availability_zone", "Availability Zone", "The zones that exist"),
    Extension("binding", "Port Binding", "Which host a port is on"),
    Extension("default-subnetpools", "Default Subnetpools", "One for each IP version"),
    Extension("dhcp_agent_scheduler", "DHCP Agent Scheduler", "Which hosts answer DHCP"),
    Extension("dns-domain-ports", "dns_domain for ports", "A domain of a port's own"),
    Extension("dns-integration", "DNS Integration", "Names of ports and networks"),
    Extension("empty-string-filtering", "Empty String Filtering", "Filter by empty values"),
    Extension("expose-port-forwarding-in-fip", "Port forwardings in floating IPs", "As said"),
    Extension("ext-gw-mode", "Neutron L3 Configurable external gateway mode", "SNAT can be off"),
    Extension("external-net", "Neutron external network", "Networks that lead outside"),
    Extension("extra_dhcp_opt", "Neutron Extra DHCP options", "Options for one port's DHCP"),
    Extension("extraroute", "Neutron Extra Route", "Routes of routers"),
    Extension("extraroute-atomic", "Atomically add/remove extra routes", "A few at a time"),
    Extension("filter-validation", "Filter parameters validation", "Unknown filters are refused"),
    Extension("fip-port-details", "Floating IP Port Details", "The port that is led to"),
    Extension("floating-ip-port-forwarding", "Floating IP Port Forwarding", "By port"),
    Extension("floating-ip-port-forwarding-description", "With a description", "As said"),
    Extension("floating-ip-port-forwarding-detail", "With the port in the floating IP", "As said"),
    Extension("floating-ip-port-forwarding-port-ranges", "With ranges of ports", "As said"),
    Extension("ip_allocation", "IP Allocation", "When a port gets its addresses: at once"),
    Extension("ip-substring-filtering", "IP address substring filtering", "Find ports by a part"),
    Extension("l3_agent_scheduler", "L3 Agent Scheduler", "Which host has a router"),
    Extension("net-mtu", "Network MTU", "The largest packet of a network"),
    Extension("net-mtu-writable", "Network MTU (writable)", "The largest packet can be set"),
    Extension("network-segment-range", "Neutron Network Segment Range", "Numbers of networks"),
    Extension("network-ip-availability", "Network IP Availability", "What is free in networks"),
    Extension("network_availability_zone", "Network Availability Zone", "Hints for networks"),
    Extension("pagination", "Pagination support", "Lists come in pages"),
    Extension("path-trace", "Path trace", "Why one thing cannot reach another, hop by hop"),
    Extension("port-mac-address-regenerate", "Port MAC address regenerate", "By a null"),
    Extension("port-security", "Port Security", "Protection from spoofing, by port"),
    Extension("port-security-groups-filtering", "Port filtering on security groups", "As said"),
    Extension("project-id", "project_id field enabled", "Owners under both names"),
    Extension("provider", "Provider Network", "How a network is made, for operators"),
    Extension("qos", "Quality of Service", "Policies that traffic is held to"),
    Extension("qos-bw-limit-direction", "Direction for QoS bandwidth limit rule", "As said"),
    Extension("qos-default", "QoS default policy", "A policy for new networks of a project"),
    Extension("qos-fip", "Floating IP QoS", "Policies of floating IPs"),
    Extension("qos-gateway-ip", "Gateway IP QoS", "Policies of routers' gateways"),
    Extension("qos-rule-type-details", "Details of QoS rule types", "What enforces a type"),
    Extension("qos-rules-alias", "Ability to modify QoS rules with no policy id", "As said"),
    Extension("quota-check-limit", "Quota engine limit check", "No limit below what is used"),
    Extension("quota-check-limit-default", "Quota engine limit check by default", "Unless forced"),
    Extension("quota_details", "Quota details management support", "Limits beside what is used"),
    Extension("quotas", "Quota management support", "Limits by project"),
    Extension("rbac-address-group", "RBAC for address groups", "As said"),
    Extension("rbac-address-scope", "RBAC for address scopes", "As said"),
    Extension("rbac-policies", "RBAC Policies", "Networks that some projects share"),
    Extension("rbac-security-groups", "RBAC for security groups", "As said"),
    Extension("rbac-subnetpool", "RBAC for subnet pools", "As said"),
    Extension("revision-if-match", "If-Match constraints based on revision_number", "As said"),
    Extension("router", "Neutron L3 Router", "Routers and floating IPs"),
    Extension("router_availability_zone", "Router Availability Zone", "Hints for routers"),
    Extension("security-group", "security-group", "What may reach a port"),
    Extension("security-groups-default-rules", "Default rules", "What new groups have in them"),
    Extension("security-groups-normalized-cidr", "Normalized CIDR field for rules", "As said"),
    Extension("security-groups-remote-address-group", "Remote address groups", "As said"),
    Extension("security-groups-shared-filtering", "Filter groups by shared", "As said"),
    Extension("segment", "Segment", "What each network is made of, for operators"),
    Extension("service-type", "Neutron Service Type Management", "What serves routers"),
    Extension("sort-key-validation", "Sort key validation", "Unknown sort keys are refused"),
    Extension("sorting", "Sorting support", "Lists in any order"),
    Extension("standard-attr-description", "standard-attr-description", "A description on all"),
    Extension("standard-attr-revisions", "Resource revision numbers", "A revision on all"),
    Extension("standard-attr-tag", "Tag support for resources", "Tags on all"),
    Extension("standard-attr-timestamp", "Resource timestamps", "Times on all"),
    Extension("stateful-security-group", "Stateful security group", "Groups without state"),
    Extension("subnet-service-types", "Subnet service types", "Subnets for some devices' ports"),
    Extension("subnet_allocation", "Subnet Allocation", "Subnets cut from pools"),
    Extension("subnet_onboard", "Subnet Onboard", "Subnets that are there get into a pool"),
    Extension("subnetpool-prefix-ops", "Subnet Pool Prefix Operations", "A few at a time"),
    Extension("tag-creation", "Tag creation", "Add several tags at once"),
    Extension("trunk", "Trunk Extension", "Ports that carry other ports"),
    Extension("trunk-details", "Trunk port details", "The trunk in its parent port"),
)


#: What all hosts must be able to do for an extension to be here.
NEEDS = {
    "stateful-security-group": STATELESS_FILTERS,
    "trunk": TRUNKS,
    "trunk-details": TRUNKS,
}


class ExtensionManager(Manager):
    """The extensions of this API."""

    @policy("network:extensions:list")
    def list(self) -> Sequence[Extension]:
        """Return all that hosts can do, by alias."""
        lacking = {alias for alias, needed in NEEDS.items() if not offered(needed)}
        return [one for one in EXTENSIONS if one.alias not in lacking]

    @policy("network:extensions:list")
    def get(self, alias: str) -> Extension:
        """Return one by alias or name; raise ExtensionNotFound."""
        for extension in self.list():
            if alias in (extension.alias, extension.name):
                return extension
        raise ExtensionNotFound(alias)
