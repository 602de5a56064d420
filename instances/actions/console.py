"""What guests say."""

from __future__ import annotations

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
