"""What guests say."""

from __future__ import annotations

from typing import NamedTuple

from cloudweb.policy import policy
from compute.manager import HostManager
from compute.objects import ConsoleRequest
from compute.rpc import CONSOLE_OUTPUT as ASK_FOR_CONSOLE
from instances.actions.console import CONSOLE_OUTPUT, OPEN_CONSOLE
from instances.exceptions import ConsoleTypeUnavailable, InstanceNotReady
from instances.manager.console_tokens import draw_token
from instances.manager.lookup import InstanceLookups
from instances.models import Instance
from instances.states import TaskState, VmState
from operations.asking import ask


class ConsoleAccess(NamedTuple):
    """The kind of a console, and a token for it."""

    kind: str
    token: str


class InstanceConsoles(InstanceLookups):
    """The console of a server."""

    @policy(CONSOLE_OUTPUT.policy)
    def console_output(self, instance_id: str, *, length: int | None = None) -> str:
        """Return the newest lines of the guest's console, as text that splits into ``length`` parts.

        What follows the last line feed is a part, too, empty or not, as Nova counts them.
        Raises InstanceNotReady for a server without a host, HostDidNotAnswer (503) when its host is
        away.
        """
        instance = self._placed(instance_id)
        question = ConsoleRequest(id=str(instance.id), name=instance.hypervisor_name, length=length)
        order = ASK_FOR_CONSOLE.order(
            host=instance.host, resource_id=str(instance.id), payload=question
        )
        text = str(ask(order)["data"]["text"])
        if length is None:
            return text
        return "\n".join(text.split("\n")[-length:]) if length else ""

    @policy(OPEN_CONSOLE.policy)
    def open_console(self, instance_id: str, *, kind: str) -> ConsoleAccess:
        """Return what lets its holder look at a console once, in the next minutes: ``serial`` or ``novnc``.

        Raises InstanceNotReady for a server without a host, ConsoleTypeUnavailable.
        """
        instance = self._placed(instance_id)
        capability = {"serial": "serial_console", "novnc": "vnc_console"}.get(kind)
        hosts = HostManager(self.context)
        if capability is None or not hosts.is_able(instance.host, capability):
            raise ConsoleTypeUnavailable(kind)
        return ConsoleAccess(kind, draw_token(self.context, instance, kind))

    def _placed(self, instance_id: str) -> Instance:
        instance = self.get(instance_id)
        spawning = instance.task_state == TaskState.SPAWNING
        if not instance.host or (instance.vm_state == VmState.BUILDING and not spawning):
            raise InstanceNotReady(instance.id)
        return instance
