"""Who reaches a server: the security groups of its ports."""

from __future__ import annotations

from cloudweb.states import ANY, Mode
from instances.actions.record import InstanceAction

ADD_SECURITY_GROUP = InstanceAction(
    name="add_security_group",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    policy="compute:servers:add_security_group",
    wire="addSecurityGroup",
    body="SecurityGroupName",
    spoken="addSecurityGroup",
)

REMOVE_SECURITY_GROUP = InstanceAction(
    name="remove_security_group",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    policy="compute:servers:remove_security_group",
    wire="removeSecurityGroup",
    body="SecurityGroupName",
    spoken="removeSecurityGroup",
)
