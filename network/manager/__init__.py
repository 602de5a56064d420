"""The managers of network: one for each noun."""

from network.manager.agent import AgentManager
from network.manager.extension import ExtensionManager
from network.manager.network import NetworkManager
from network.manager.port import PortManager
from network.manager.quota import QuotaManager
from network.manager.security_group import SecurityGroupManager
from network.manager.security_group_rule import SecurityGroupRuleManager
from network.manager.subnet import SubnetManager
from network.manager.traffic import TrafficManager
from network.manager.zone import ZoneManager

__all__ = [
    "AgentManager",
    "ExtensionManager",
    "NetworkManager",
    "PortManager",
    "QuotaManager",
    "SecurityGroupManager",
    "SecurityGroupRuleManager",
    "SubnetManager",
    "TrafficManager",
    "ZoneManager",
]
