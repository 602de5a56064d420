"""What guests say, and who looks at them."""

from __future__ import annotations

from cloudweb.microversions.compute import until
from cloudweb.states import ANY, Mode
from instances.actions.record import InstanceAction

CONSOLE_OUTPUT = InstanceAction(
    name="console_output",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.READING,
    ran=False,
    while_locked=True,
    policy="compute:servers:console_output",
    wire="os-getConsoleOutput",
    body="ConsoleOutput",
    answer="ConsoleText",
    status=200,
)
OPEN_CONSOLE = InstanceAction(
    name="open_console",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.READING,
    ran=False,
    while_locked=True,
    policy="compute:servers:open_console",
)
SERIAL_CONSOLE = InstanceAction(
    name="serial_console",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.READING,
    ran=False,
    while_locked=True,
    policy=OPEN_CONSOLE.policy,
    method="open_console",
    arguments={"kind": "serial"},
    wire="os-getSerialConsole",
    versions=until(5),
    body="SerialConsole",
    answer="ConsoleAddress",
    status=200,
)
VNC_CONSOLE = InstanceAction(
    name="vnc_console",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.READING,
    ran=False,
    while_locked=True,
    policy=OPEN_CONSOLE.policy,
    method="open_console",
    arguments={"kind": "novnc"},
    wire="os-getVNCConsole",
    versions=until(5),
    body="VncConsole",
    answer="ConsoleAddress",
    status=200,
)
