"""The tables of network."""

from network.models.address_group import AddressGroup
from network.models.agent import Agent
from network.models.auto_allocated_topology import AutoAllocatedTopology
from network.models.default_rule import DefaultRulesMade, DefaultSecurityGroupRule
from network.models.floating_ip import FloatingIp, PortForwarding
from network.models.forwarding import Forwarding, ForwardingMove, HeldForwarding
from network.models.member_set import HeldSet, MemberChange, MemberSet
from network.models.network import Network
from network.models.port import Port, PortAddress, PortSecurityGroup
from network.models.qos import QosPolicy, QosRule
from network.models.rbac_policy import RbacPolicy
from network.models.router import Router, RouterPort
from network.models.security_group import SecurityGroup, SecurityGroupRule
from network.models.segment_range import SegmentRange
from network.models.subnet import FreeRange, Subnet
from network.models.subnet_pool import AddressScope, SubnetPool
from network.models.trunk import Subport, Trunk

__all__ = [
    "AddressGroup",
    "AddressScope",
    "Agent",
    "AutoAllocatedTopology",
    "DefaultRulesMade",
    "DefaultSecurityGroupRule",
    "FloatingIp",
    "Forwarding",
    "ForwardingMove",
    "FreeRange",
    "HeldForwarding",
    "HeldSet",
    "MemberChange",
    "MemberSet",
    "Network",
    "Port",
    "PortAddress",
    "PortForwarding",
    "PortSecurityGroup",
    "QosPolicy",
    "QosRule",
    "RbacPolicy",
    "Router",
    "RouterPort",
    "SecurityGroup",
    "SecurityGroupRule",
    "SegmentRange",
    "Subnet",
    "SubnetPool",
    "Subport",
    "Trunk",
]
