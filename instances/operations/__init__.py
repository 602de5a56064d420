"""The sagas of servers."""

from instances.operations.create import CreateInstance
from instances.operations.delete import DeleteInstance
from instances.operations.power import StartInstance, StopInstance
from instances.operations.reboot import RebootInstance

__all__ = [
    "CreateInstance",
    "DeleteInstance",
    "RebootInstance",
    "StartInstance",
    "StopInstance",
]
