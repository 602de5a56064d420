"""Routes of network: one flat table."""

from typing import Any

from django.urls import path, re_path

from network.api.address_groups import AddressGroupViewSet
from network.api.address_scopes import AddressScopeViewSet
from network.api.agents import AgentViewSet
from network.api.auto_allocated_topology import AutoAllocatedTopologyViewSet
from network.api.availability_zones import AvailabilityZoneViewSet
from network.api.default_rules import DefaultRuleViewSet
from network.api.extensions import ExtensionViewSet
from network.api.floating_ips import FloatingIpViewSet, PortForwardingViewSet
from network.api.ip_availabilities import IpAvailabilityViewSet
from network.api.networks import NetworkViewSet
from network.api.path_traces import PathTraceViewSet
from network.api.ports import PortViewSet
from network.api.qos import (
    AnyBandwidthLimitRuleViewSet,
    AnyDscpMarkingRuleViewSet,
    BandwidthLimitRuleViewSet,
    DscpMarkingRuleViewSet,
    QosPolicyViewSet,
    QosRuleTypeViewSet,
)
from network.api.quotas import QuotaViewSet
from network.api.rbac_policies import RbacPolicyViewSet
from network.api.routers import RouterViewSet
from network.api.scheduling import SchedulingViewSet
from network.api.security_group_rules import SecurityGroupRuleViewSet
from network.api.security_groups import SecurityGroupViewSet
from network.api.segment_ranges import SegmentRangeViewSet
from network.api.segments import SegmentViewSet
from network.api.service_providers import ServiceProviderViewSet
from network.api.subnet_pools import SubnetPoolViewSet
from network.api.subnets import SubnetViewSet
from network.api.tags import MANAGERS, TagViewSet
from network.api.trunks import TrunkViewSet
from network.api.versions import ResourcesViewSet, RootViewSet

Actions = dict[str, Any]
LIST: Actions = {"get": "list"}
SHOW: Actions = {"get": "retrieve"}
COLLECTION: Actions = {"get": "list", "post": "create"}
MEMBER: Actions = {"get": "retrieve", "put": "update", "delete": "destroy"}
CHANGED: Actions = {"get": "retrieve", "put": "update"}
FIXED: Actions = {"get": "retrieve", "delete": "destroy"}
ROUTER_WORDS = {
    "add_router_interface": "add_interface",
    "remove_router_interface": "remove_interface",
    "add_extraroutes": "add_routes",
    "remove_extraroutes": "remove_routes",
}
FORWARDINGS = "/v2.0/floatingips/<str:floating_ip_id>/port_forwardings"
SCHEDULING: dict[str, Actions] = {
    "agents/<str:agent_id>/l3-routers": {"get": "routers", "post": "add_router"},
    "agents/<str:agent_id>/l3-routers/<str:router_id>": {"delete": "remove_router"},
    "agents/<str:agent_id>/dhcp-networks": {"get": "networks", "post": "add_network"},
    "agents/<str:agent_id>/dhcp-networks/<str:network_id>": {"delete": "remove_network"},
    "routers/<str:router_id>/l3-agents": {"get": "router_agents"},
    "networks/<str:network_id>/dhcp-agents": {"get": "network_agents"},
}
QOS = "/v2.0/qos"
OF_POLICY = f"{QOS}/policies/<str:policy_id>"
TAGS: Actions = {"get": "list", "put": "replace", "post": "add", "delete": "clear"}
TAG: Actions = {"get": "check", "put": "put_one", "delete": "destroy"}
TAGGED = rf"^/v2\.0/(?P<collection>{'|'.join(MANAGERS)})/(?P<identifier>[^/]+)/tags"

urlpatterns = [
    path("", RootViewSet.as_view(LIST)),
    path("/v2.0", ResourcesViewSet.as_view(LIST)),
    path("/v2.0/networks", NetworkViewSet.as_view(COLLECTION)),
    path("/v2.0/networks/<str:identifier>", NetworkViewSet.as_view(MEMBER)),
    path("/v2.0/subnets", SubnetViewSet.as_view(COLLECTION)),
    path("/v2.0/subnets/<str:identifier>", SubnetViewSet.as_view(MEMBER)),
    path("/v2.0/ports", PortViewSet.as_view(COLLECTION)),
    path("/v2.0/ports/<str:identifier>", PortViewSet.as_view(MEMBER)),
    path("/v2.0/routers", RouterViewSet.as_view(COLLECTION)),
    path("/v2.0/routers/<str:identifier>", RouterViewSet.as_view(MEMBER)),
    *(
        path(f"/v2.0/routers/<str:identifier>/{word}", RouterViewSet.as_view({"put": action}))
        for word, action in ROUTER_WORDS.items()
    ),
    path("/v2.0/floatingips", FloatingIpViewSet.as_view(COLLECTION)),
    path("/v2.0/floatingips/<str:identifier>", FloatingIpViewSet.as_view(MEMBER)),
    path(FORWARDINGS, PortForwardingViewSet.as_view(COLLECTION)),
    path(f"{FORWARDINGS}/<str:identifier>", PortForwardingViewSet.as_view(MEMBER)),
    path("/v2.0/security-groups", SecurityGroupViewSet.as_view(COLLECTION)),
    path("/v2.0/security-groups/<str:identifier>", SecurityGroupViewSet.as_view(MEMBER)),
    path("/v2.0/security-group-rules", SecurityGroupRuleViewSet.as_view(COLLECTION)),
    path("/v2.0/security-group-rules/<str:identifier>", SecurityGroupRuleViewSet.as_view(FIXED)),
    path("/v2.0/address-groups", AddressGroupViewSet.as_view(COLLECTION)),
    path("/v2.0/address-groups/<str:identifier>", AddressGroupViewSet.as_view(MEMBER)),
    *(
        path(
            f"/v2.0/address-groups/<str:identifier>/{word}",
            AddressGroupViewSet.as_view({"put": word}),
        )
        for word in ("add_addresses", "remove_addresses")
    ),
    path("/v2.0/address-scopes", AddressScopeViewSet.as_view(COLLECTION)),
    path("/v2.0/address-scopes/<str:identifier>", AddressScopeViewSet.as_view(MEMBER)),
    path("/v2.0/subnetpools", SubnetPoolViewSet.as_view(COLLECTION)),
    path("/v2.0/subnetpools/<str:identifier>", SubnetPoolViewSet.as_view(MEMBER)),
    *(
        path(f"/v2.0/subnetpools/<str:identifier>/{word}", SubnetPoolViewSet.as_view({"put": word}))
        for word in ("add_prefixes", "remove_prefixes", "onboard_network_subnets")
    ),
    path("/v2.0/default-security-group-rules", DefaultRuleViewSet.as_view(COLLECTION)),
    path("/v2.0/default-security-group-rules/<str:identifier>", DefaultRuleViewSet.as_view(FIXED)),
    path(
        "/v2.0/auto-allocated-topology/<str:project_id>",
        AutoAllocatedTopologyViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    path("/v2.0/network-ip-availabilities", IpAvailabilityViewSet.as_view(LIST)),
    path("/v2.0/network-ip-availabilities/<str:identifier>", IpAvailabilityViewSet.as_view(SHOW)),
    path("/v2.0/trunks", TrunkViewSet.as_view(COLLECTION)),
    path("/v2.0/trunks/<str:identifier>", TrunkViewSet.as_view(MEMBER)),
    path("/v2.0/trunks/<str:identifier>/add_subports", TrunkViewSet.as_view({"put": "add"})),
    path("/v2.0/trunks/<str:identifier>/remove_subports", TrunkViewSet.as_view({"put": "remove"})),
    path("/v2.0/trunks/<str:identifier>/get_subports", TrunkViewSet.as_view({"get": "subports"})),
    path("/v2.0/rbac-policies", RbacPolicyViewSet.as_view(COLLECTION)),
    path("/v2.0/rbac-policies/<str:identifier>", RbacPolicyViewSet.as_view(MEMBER)),
    path("/v2.0/segments", SegmentViewSet.as_view(LIST)),
    path("/v2.0/segments/<str:identifier>", SegmentViewSet.as_view(CHANGED)),
    path("/v2.0/network_segment_ranges", SegmentRangeViewSet.as_view(COLLECTION)),
    path("/v2.0/network_segment_ranges/<str:identifier>", SegmentRangeViewSet.as_view(MEMBER)),
    path(f"{QOS}/policies", QosPolicyViewSet.as_view(COLLECTION)),
    path(f"{QOS}/policies/<str:identifier>", QosPolicyViewSet.as_view(MEMBER)),
    path(f"{OF_POLICY}/bandwidth_limit_rules", BandwidthLimitRuleViewSet.as_view(COLLECTION)),
    path(
        f"{OF_POLICY}/bandwidth_limit_rules/<str:identifier>",
        BandwidthLimitRuleViewSet.as_view(MEMBER),
    ),
    path(f"{OF_POLICY}/dscp_marking_rules", DscpMarkingRuleViewSet.as_view(COLLECTION)),
    path(
        f"{OF_POLICY}/dscp_marking_rules/<str:identifier>", DscpMarkingRuleViewSet.as_view(MEMBER)
    ),
    path(
        f"{QOS}/alias_bandwidth_limit_rules/<str:identifier>",
        AnyBandwidthLimitRuleViewSet.as_view(MEMBER),
    ),
    path(
        f"{QOS}/alias_dscp_marking_rules/<str:identifier>",
        AnyDscpMarkingRuleViewSet.as_view(MEMBER),
    ),
    path(f"{QOS}/rule-types", QosRuleTypeViewSet.as_view(LIST)),
    path(f"{QOS}/rule-types/<str:name>", QosRuleTypeViewSet.as_view(SHOW)),
    path("/v2.0/path-traces", PathTraceViewSet.as_view({"post": "create"})),
    re_path(f"{TAGGED}$", TagViewSet.as_view(TAGS)),
    re_path(f"{TAGGED}/(?P<tag>.+)$", TagViewSet.as_view(TAG)),
    path("/v2.0/quotas", QuotaViewSet.as_view(LIST)),
    path("/v2.0/quotas/tenant", QuotaViewSet.as_view({"get": "project"})),
    path("/v2.0/quotas/project", QuotaViewSet.as_view({"get": "project"})),
    path("/v2.0/quotas/<str:project_id>", QuotaViewSet.as_view(MEMBER)),
    path("/v2.0/quotas/<str:project_id>/default", QuotaViewSet.as_view({"get": "defaults"})),
    path("/v2.0/quotas/<str:project_id>/details", QuotaViewSet.as_view({"get": "details"})),
    path("/v2.0/agents", AgentViewSet.as_view(LIST)),
    path("/v2.0/agents/<str:agent_id>", AgentViewSet.as_view(CHANGED)),
    *(
        path(f"/v2.0/{place}", SchedulingViewSet.as_view(actions))
        for place, actions in SCHEDULING.items()
    ),
    path("/v2.0/service-providers", ServiceProviderViewSet.as_view(LIST)),
    path("/v2.0/extensions", ExtensionViewSet.as_view(LIST)),
    path("/v2.0/extensions/<str:alias>", ExtensionViewSet.as_view(SHOW)),
    path("/v2.0/availability_zones", AvailabilityZoneViewSet.as_view(LIST)),
]
