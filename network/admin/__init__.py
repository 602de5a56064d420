"""Networks for operators; every button calls a manager."""

from network.admin.address_groups import AddressGroupAdmin
from network.admin.agents import AgentAdmin
from network.admin.default_rules import DefaultRuleAdmin
from network.admin.floating_ips import FloatingIpAdmin
from network.admin.networks import NetworkAdmin
from network.admin.ports import PortAdmin
from network.admin.qos import QosPolicyAdmin
from network.admin.rbac_policies import RbacPolicyAdmin
from network.admin.routers import RouterAdmin
from network.admin.security_groups import SecurityGroupAdmin
from network.admin.segment_ranges import SegmentRangeAdmin
from network.admin.subnet_pools import AddressScopeAdmin, SubnetPoolAdmin
from network.admin.subnets import SubnetAdmin
from network.admin.trunks import TrunkAdmin

__all__ = [
    "AddressGroupAdmin",
    "AddressScopeAdmin",
    "AgentAdmin",
    "DefaultRuleAdmin",
    "FloatingIpAdmin",
    "NetworkAdmin",
    "PortAdmin",
    "QosPolicyAdmin",
    "RbacPolicyAdmin",
    "RouterAdmin",
    "SecurityGroupAdmin",
    "SegmentRangeAdmin",
    "SubnetAdmin",
    "SubnetPoolAdmin",
    "TrunkAdmin",
]
