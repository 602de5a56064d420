"""The tables of instances."""

from instances.models.block_device import BlockDevice
from instances.models.console_recording import (
    ConsoleRecording,
    ConsoleRecordingPart,
    RecordedProject,
)
from instances.models.console_token import ConsoleToken
from instances.models.host_drain import HostDrain
from instances.models.instance import Instance
from instances.models.key_pair import KeyPair
from instances.models.migration import Migration
from instances.models.port import InstancePort
from instances.models.server_group import ServerGroup

__all__ = [
    "BlockDevice",
    "ConsoleRecording",
    "ConsoleRecordingPart",
    "ConsoleToken",
    "HostDrain",
    "Instance",
    "InstancePort",
    "KeyPair",
    "Migration",
    "RecordedProject",
    "ServerGroup",
]
