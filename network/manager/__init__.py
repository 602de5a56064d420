"""The managers of network: one for each noun."""

from network.manager.address_group import AddressGroupManager
from network.manager.address_scope import AddressScopeManager
from network.manager.agent import AgentManager
from network.manager.auto_allocated_topology import AutoAllocatedTopologyManager
from network.manager.default_rule import DefaultRuleManager
from network.manager.extension import ExtensionManager
from network.manager.floating_ip import FloatingIpManager
from network.manager.ip_availability import IpAvailabilityManager
from network.manager.network import NetworkManager
from network.manager.path_trace import PathTraceManager
from network.manager.permission import PermissionManager
from network.manager.port import PortManager
from network.manager.port_forwarding import PortForwardingManager
from network.manager.qos_policy import QosPolicyManager
from network.manager.qos_rule import (
    BandwidthLimitRuleManager,
    DscpMarkingRuleManager,
    QosRuleTypeManager,
)
from network.manager.quota import QuotaManager
from network.manager.rbac_policy import RbacPolicyManager
from network.manager.reach import ReachManager
from network.manager.router import RouterManager
from network.manager.scheduling import SchedulingManager
from network.manager.security_group import SecurityGroupManager
from network.manager.security_group_rule import SecurityGroupRuleManager
from network.manager.segment import SegmentManager
from network.manager.segment_range import SegmentRangeManager
from network.manager.service_provider import ServiceProviderManager
from network.manager.subnet import SubnetManager
from network.manager.subnet_pool import SubnetPoolManager
from network.manager.traffic import TrafficManager
from network.manager.trunk import TrunkManager
from network.manager.zone import ZoneManager

__all__ = [
    "AddressGroupManager",
    "AddressScopeManager",
    "AgentManager",
    "AutoAllocatedTopologyManager",
    "BandwidthLimitRuleManager",
    "DefaultRuleManager",
    "DscpMarkingRuleManager",
    "ExtensionManager",
    "FloatingIpManager",
    "IpAvailabilityManager",
    "NetworkManager",
    "PathTraceManager",
    "PermissionManager",
    "PortForwardingManager",
    "PortManager",
    "QosPolicyManager",
    "QosRuleTypeManager",
    "QuotaManager",
    "RbacPolicyManager",
    "ReachManager",
    "RouterManager",
    "SchedulingManager",
    "SecurityGroupManager",
    "SecurityGroupRuleManager",
    "SegmentManager",
    "SegmentRangeManager",
    "ServiceProviderManager",
    "SubnetManager",
    "SubnetPoolManager",
    "TrafficManager",
    "TrunkManager",
    "ZoneManager",
]
