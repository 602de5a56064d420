"""Managers of servers and key pairs."""

from instances.manager.cards import ports_of
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
    "ports_of",
]
