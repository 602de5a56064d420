"""Servers for operators; every button calls a manager."""

from instances.admin.drains import HostDrainAdmin
from instances.admin.migrations import MigrationAdmin
from instances.admin.server_groups import ServerGroupAdmin
from instances.admin.servers import InstanceAdmin

__all__ = ["HostDrainAdmin", "InstanceAdmin", "MigrationAdmin", "ServerGroupAdmin"]
