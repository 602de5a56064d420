"""Managers of servers and key pairs."""

from instances.manager.cards import ports_of, tags_of
from instances.manager.console import ConsoleAccess
from instances.manager.console_recordings import ConsoleRecordingManager, Replay
from instances.manager.console_recordings import write as keep_recorded
from instances.manager.console_tokens import ConsoleManager, OpenedConsole, redeem, renewed
from instances.manager.draining import HostDrainManager
from instances.manager.external_events import ExternalEvent, ExternalEventManager
from instances.manager.host_evacuations import HostEvacuation, HostEvacuationManager
from instances.manager.instance import InstanceManager
from instances.manager.key_pair import KeyPairManager
from instances.manager.limits import LimitsManager
from instances.manager.server_groups import ServerGroupManager
from instances.manager.usage import UsageManager
from instances.manager.volumes import AttachedVolume, volumes_of

__all__ = [
    "AttachedVolume",
    "ConsoleAccess",
    "ConsoleManager",
    "ConsoleRecordingManager",
    "ExternalEvent",
    "ExternalEventManager",
    "HostDrainManager",
    "HostEvacuation",
    "HostEvacuationManager",
    "InstanceManager",
    "KeyPairManager",
    "LimitsManager",
    "OpenedConsole",
    "Replay",
    "ServerGroupManager",
    "UsageManager",
    "keep_recorded",
    "ports_of",
    "redeem",
    "renewed",
    "tags_of",
    "volumes_of",
]
