"""Servers whose host is dead."""

from __future__ import annotations

from cloudweb.policy import admin
from cloudweb.states import Mode
from instances.actions.record import InstanceAction
from instances.operations import EvacuateInstance
from instances.states import TaskState as T
from instances.states import VmState as V

#: What waits for a host that is dead is given up.
EVACUATE = InstanceAction(
    name="evacuate",
    vm_states={V.ACTIVE, V.STOPPED, V.ERROR},
    task_states={None, T.POWERING_OFF, T.POWERING_ON, T.REBOOTING, T.REBOOTING_HARD},
    mode=Mode.PREEMPTING,
    shows=(T.REBUILDING, T.REBUILD_SPAWNING),
    saga=EvacuateInstance,
    policy="compute:servers:evacuate",
    rule=admin,
    wire="evacuate",
    body="Evacuate",
    answer="EvacuationPassword",
    status=200,
)
