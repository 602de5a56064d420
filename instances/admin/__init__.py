"""Servers for operators; every button calls a manager."""

from instances.admin.console_recordings import ConsoleRecordingAdmin, RecordedProjectAdmin
from instances.admin.drains import HostDrainAdmin
from instances.admin.migrations import MigrationAdmin
from instances.admin.server_groups import ServerGroupAdmin
from instances.admin.servers import InstanceAdmin

__all__ = [
    "ConsoleRecordingAdmin",
    "HostDrainAdmin",
    "InstanceAdmin",
    "MigrationAdmin",
    "RecordedProjectAdmin",
    "ServerGroupAdmin",
]
