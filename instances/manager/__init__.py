"""Managers of servers and key pairs."""

from instances.manager.instance import InstanceManager, NetworkRequest
from instances.manager.key_pair import KeyPairManager
from instances.manager.limits import LimitsManager
from instances.manager.metadata import MetadataManager

__all__ = [
    "InstanceManager",
    "KeyPairManager",
    "LimitsManager",
    "MetadataManager",
    "NetworkRequest",
]
