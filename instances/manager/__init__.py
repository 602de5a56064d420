"""Managers of servers and key pairs."""

from instances.manager.cards import ports_of, tags_of
from instances.manager.external_events import ExternalEvent, ExternalEventManager
from instances.manager.instance import InstanceManager
from instances.manager.key_pair import KeyPairManager
from instances.manager.limits import LimitsManager
from instances.manager.server_groups import ServerGroupManager
from instances.manager.usage import UsageManager
from instances.manager.volumes import AttachedVolume, volumes_of

__all__ = [
    "AttachedVolume",
    "ExternalEvent",
    "ExternalEventManager",
    "InstanceManager",
    "KeyPairManager",
    "LimitsManager",
    "ServerGroupManager",
    "UsageManager",
    "ports_of",
    "tags_of",
    "volumes_of",
]
