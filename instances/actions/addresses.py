"""Addresses of a server, as clients below 2.44 ask for them."""

from __future__ import annotations

from cloudweb.microversions.compute import until
from cloudweb.states import ANY, Mode
from instances.actions.record import InstanceAction

ASKED_HERE = until(43)

ADD_FIXED_IP = InstanceAction(
    name="add_fixed_ip",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    policy="compute:servers:add_fixed_ip",
    wire="addFixedIp",
    versions=ASKED_HERE,
    body="NetworkOfAddress",
    spoken="addFixedIp",
)

REMOVE_FIXED_IP = InstanceAction(
    name="remove_fixed_ip",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    policy="compute:servers:remove_fixed_ip",
    wire="removeFixedIp",
    versions=ASKED_HERE,
    body="AddressNamed",
    spoken="removeFixedIp",
)

ADD_FLOATING_IP = InstanceAction(
    name="add_floating_ip",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    policy="compute:servers:add_floating_ip",
    wire="addFloatingIp",
    versions=ASKED_HERE,
    body="FloatingIpNamed",
    spoken="addFloatingIp",
)

REMOVE_FLOATING_IP = InstanceAction(
    name="remove_floating_ip",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    policy="compute:servers:remove_floating_ip",
    wire="removeFloatingIp",
    versions=ASKED_HERE,
    body="AddressNamed",
    spoken="removeFloatingIp",
)
