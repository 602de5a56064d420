"""What is asked of a guest itself: its password, a crash dump, what it uses, and how it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudweb import policy as policies
from cloudweb.database.clock import now
from cloudweb.driver import DriverError
from cloudweb.exceptions import CloudwebError
from cloudweb.policy import policy
from compute.guest_use import GuestUse
from compute.manager import HostManager
from compute.meter_objects import GuestMeters, MetersRequest, Span
from compute.objects import GuestRef, GuestState, PasswordRequest
from compute.rpc import DIAGNOSE, INJECT_NMI, INSPECT, METERS
from compute.rpc import SET_PASSWORD as ASK_FOR_PASSWORD
from image.manager import ImageManager
from instances.actions.inside import CHANGE_PASSWORD, RESET_STATE, TRIGGER_CRASH_DUMP
from instances.exceptions import (
    GuestAgentNotEnabled,
    GuestDidNotObey,
    HypervisorCannot,
    InstanceInvalidState,
    InstanceNotReady,
    PasswordSetFailed,
)
from instances.manager.acting import InstanceActs
from instances.models import Instance
from instances.states import POWER_STATES, PowerState, VmState
from operations.asking import HostDidNotAnswer, ask

NO_FAULT = {"fault_code": None, "fault_message": "", "fault_detail": "", "fault_at": None}
#: What a server is whose guest is seen so, when its state is looked at anew.
SEEN = {
    PowerState.PAUSED: VmState.PAUSED,
    PowerState.SHUTDOWN: VmState.STOPPED,
    PowerState.CRASHED: VmState.STOPPED,
    PowerState.SUSPENDED: VmState.SUSPENDED,
}


class InstanceInsides(InstanceActs):
    """Passwords, crash dumps, diagnostics, and states put right."""

    @policy(CHANGE_PASSWORD.policy)
    def change_password(self, instance_id: str, *, password: str) -> None:
        """Have the agent in the guest set the administrator's password; it is kept nowhere.

        Raises HypervisorCannot, GuestAgentNotEnabled, PasswordSetFailed, HostDidNotAnswer.
        """
        found = self._check(instance_id, CHANGE_PASSWORD)
        self._check_able(found, "set_password", "Unable to set password on instance")
        if not found.guest_agent:
            raise GuestAgentNotEnabled
        request = PasswordRequest(
            id=str(found.id),
            name=found.hypervisor_name,
            user=self._administrator(found),
            password=password,
        )
        order = ASK_FOR_PASSWORD.order(host=found.host, resource_id=request.id, payload=request)
        try:
            ask(order)
        except DriverError as error:
            raise PasswordSetFailed(found.id, error.message, detail=error.detail) from error
        self._change(instance_id, CHANGE_PASSWORD)

    def _administrator(self, found: Instance) -> str:
        """Return who is called so in the guest, as its image says."""
        try:
            said = ImageManager(self.context).get(found.image_id).custom_properties
        except CloudwebError:  # it is gone, or boots from a volume
            return ""
        windows = "Administrator" if said.get("os_type") == "windows" else ""
        return said.get("os_admin_user", "") or windows

    @policy(TRIGGER_CRASH_DUMP.policy)
    def trigger_crash_dump(self, instance_id: str) -> None:
        """Interrupt the guest so that its system writes down what it was doing; raise GuestDidNotObey."""
        found = self._check(instance_id, TRIGGER_CRASH_DUMP)
        words = "This server's hypervisor interrupts no guests."
        self._check_able(found, "inject_nmi", words)
        try:
            ask(INJECT_NMI.order(host=found.host, resource_id=str(found.id), payload=_ref(found)))
        except DriverError as error:
            raise GuestDidNotObey(error.message, detail=error.detail) from error
        self._change(instance_id, TRIGGER_CRASH_DUMP)

    @policy("compute:servers:diagnostics")
    def diagnostics(self, instance_id: str) -> tuple[Instance, GuestUse]:
        """Return what the guest uses; raise InstanceInvalidState for one that does not run."""
        found = self.get(instance_id)
        power = PowerState(found.power_state)
        runs = power in (PowerState.RUNNING, PowerState.PAUSED)
        off = InstanceInvalidState(
            "get_diagnostics", found.id, attr="power_state", state=str(power.label)
        )
        if not found.host or not runs:
            raise off
        self._check_able(
            found, "diagnostics", "Unable to get diagnostics, functionality not implemented"
        )
        order = DIAGNOSE.order(host=found.host, resource_id=str(found.id), payload=_ref(found))
        try:
            return found, GuestUse.load(ask(order))
        except DriverError as error:
            raise off from error

    @policy("compute:servers:topology")
    def topology(self, instance_id: str) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """Return where a server's own NUMA cells lie, and whether the caller may know where of its host."""
        found = self.get(instance_id)
        return found.cells or (), policies.allows(self.context, "compute:servers:topology_on_host")

    @policy("compute:servers:meters")
    def meters(self, instance_id: str, span: Span = "hour") -> GuestMeters:
        """Return what the guest used in the last hour or day, oldest first.

        Raises InstanceNotReady for a server without a host, DriverError where its host counts nothing.
        """
        found = self.get(instance_id)
        if not found.host:
            raise InstanceNotReady(found.id)
        request = MetersRequest(id=str(found.id), span=span)
        order = METERS.order(host=found.host, resource_id=request.id, payload=request)
        return GuestMeters.load(ask(order))

    @policy(RESET_STATE.policy)
    def reset_state(self, instance_id: str, *, error: bool = False) -> None:
        """Put a server in error; or look at its guest, and let it be what that is.

        What is still done to it goes on and says how it ended. Of a host that does not answer the server
        is taken as active, and compared when it does. Raises InstanceNotReady for one without a host.
        """
        found = self.get(instance_id)
        changes = {"vm_state": VmState.ERROR} if error else self._seen(found)
        self._change(instance_id, RESET_STATE, task_state=None, **changes)

    def _seen(self, found: Instance) -> dict[str, object]:
        if not found.host:
            raise InstanceNotReady(found.id)
        order = INSPECT.order(host=found.host, resource_id=str(found.id), payload=_ref(found))
        try:
            power = POWER_STATES[GuestState.load(ask(order)).power_state]
        except HostDidNotAnswer:
            power = PowerState.NOSTATE
        except DriverError as error:
            reason = {"fault_code": 500, "fault_message": error.message, "fault_at": now()}
            return {"vm_state": VmState.ERROR, "power_state": PowerState.NOSTATE, **reason}
        vm_state = VmState.RESCUED if found.rescue_image_id else SEEN.get(power, VmState.ACTIVE)
        if found.vm_state == VmState.RESIZED:  # what it was is kept until it is confirmed
            vm_state = VmState.RESIZED
        launched = found.launched_at or now()
        return {"vm_state": vm_state, "power_state": power, "launched_at": launched, **NO_FAULT}

    def _check_able(self, found: Instance, capability: str, words: str) -> None:
        """Raise HypervisorCannot where the server's host has not this capability, InstanceNotReady without one."""
        if not found.host:
            raise InstanceNotReady(found.id)
        if not HostManager(self.context).is_able(found.host, capability):
            raise HypervisorCannot(words)


def _ref(found: Instance) -> GuestRef:
    return GuestRef(id=str(found.id), name=found.hypervisor_name)
