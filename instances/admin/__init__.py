"""Servers for operators; every button calls a manager."""

from instances.admin.server_groups import ServerGroupAdmin
from instances.admin.servers import InstanceAdmin

__all__ = ["InstanceAdmin", "ServerGroupAdmin"]
