"""The key-value pairs users put on servers."""

from __future__ import annotations

from cloudweb.states import ANY, Mode
from instances.actions.record import InstanceAction
from instances.states import VmState as V

TAGS = InstanceAction(
    name="tags",
    vm_states={V.ACTIVE, V.PAUSED, V.SUSPENDED, V.STOPPED},
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    policy="compute:servers:update_tags",
    method="replace_tags",
    spoken="update tags of",
)

METADATA = InstanceAction(
    name="metadata",
    vm_states={V.ACTIVE, V.PAUSED, V.SUSPENDED, V.STOPPED},
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    policy="compute:servers:update_metadata",
    method="update_metadata",
    spoken="update metadata of",
)
