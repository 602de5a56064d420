"""The sagas of hosts."""

from compute.operations.power_host import PowerHost

__all__ = ["PowerHost"]
