"""The tables of network."""

from network.models.agent import Agent
from network.models.member_set import HeldSet, MemberChange, MemberSet
from network.models.network import Network
from network.models.port import Port, PortAddress, PortSecurityGroup
from network.models.security_group import SecurityGroup, SecurityGroupRule
from network.models.subnet import FreeRange, Subnet

__all__ = [
    "Agent",
    "FreeRange",
    "HeldSet",
    "MemberChange",
    "MemberSet",
    "Network",
    "Port",
    "PortAddress",
    "PortSecurityGroup",
    "SecurityGroup",
    "SecurityGroupRule",
    "Subnet",
]
