"""Domains of ours: found by the guest's id, never another's, gone without a fuss."""

from __future__ import annotations

from collections.abc import Callable

import libvirt

from cloudweb.driver import DriverError, TransientDriverError
from compute.drivers.base import GuestNotFound
from compute.drivers.libvirt import xml
from compute.drivers.libvirt.connection import Connection
from compute.objects import GuestState, PowerState

POWER_STATES: dict[int, PowerState] = {
    libvirt.VIR_DOMAIN_NOSTATE: "nostate",
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "running",  # on its way
    libvirt.VIR_DOMAIN_SHUTOFF: "shutdown",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
}
LEAVE_NOTHING = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


class Domains:
    """The domains whose metadata say that they are ``owner``'s."""

    def __init__(self, connection: Connection, owner: str) -> None:
        self._connection, self._owner = connection, owner

    def find(self, guest_id: str) -> libvirt.virDomain | None:
        """Return the guest's domain or None; raise DriverError for a foreign one with its id."""
        with self._connection.use() as connection:
            try:
                domain = connection.lookupByUUIDString(guest_id)
            except libvirt.libvirtError as error:
                if error.get_error_code() in (
                    libvirt.VIR_ERR_NO_DOMAIN,
                    libvirt.VIR_ERR_INVALID_ARG,  # not a UUID
                ):
                    return None
                raise
            if not self._is_ours(domain):
                raise DriverError(
                    "The host has a guest of that id that is not of this cloud.", detail=guest_id
                )
            return domain

    def get(self, guest_id: str) -> GuestState:
        """Return the guest's state; raise GuestNotFound."""
        domain = self.find(guest_id)
        if domain is None:
            raise GuestNotFound
        with self._connection.use():
            return guest_state(domain)

    def all(self) -> list[GuestState]:
        """Return the state of each of our domains; one that comes from another host is not yet."""
        guests = []
        with self._connection.use() as connection:
            for domain in connection.listAllDomains():
                try:
                    if domain.isPersistent() and self._is_ours(domain):
                        guests.append(guest_state(domain))
                except libvirt.libvirtError as error:
                    if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                        raise
        return guests

    def is_active(self, domain: libvirt.virDomain) -> bool:
        """Tell whether it runs; one that vanished does not."""
        try:
            with self._connection.use():
                return domain.isActive() == 1
        except GuestNotFound:
            return False

    def name(self, domain: libvirt.virDomain) -> str:
        """Return what libvirt calls it."""
        with self._connection.use():
            return domain.name()

    def rescued_with(self, domain: libvirt.virDomain) -> str:
        """Return the id of the image that a domain of ours is rescued with; empty where it is not."""
        with self._connection.use():
            return xml.rescued_with(
                domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, xml.NAMESPACE)
            )

    def define(self, text: str) -> None:
        """Make the persistent definition be this; a running domain gets it at its next start."""
        with self._connection.use("The hypervisor does not accept the guest.") as connection:
            connection.defineXML(text)

    def start(self, guest_id: str) -> None:
        """Start the domain unless it runs."""
        sentence = "The hypervisor could not start the guest."
        self._do(guest_id, libvirt.virDomain.create, sentence)
        if self.get(guest_id).power_state == "shutdown":
            raise TransientDriverError(sentence, detail="it is off after its start")

    def resume(self, guest_id: str) -> None:
        """Let a paused domain go on."""
        self._do(guest_id, libvirt.virDomain.resume, "The hypervisor could not resume the guest.")

    def pause(self, guest_id: str) -> None:
        """Halt a running domain."""
        self._do(guest_id, libvirt.virDomain.suspend, "The hypervisor could not pause the guest.")

    def save(self, guest_id: str) -> None:
        """Write a domain's memory to disk and end its QEMU; its next start goes on from there."""
        sentence = "The hypervisor could not suspend the guest."
        self._do(guest_id, lambda domain: domain.managedSave(0), sentence)

    def forget_saved(self, guest_id: str) -> None:
        """Drop a saved memory: the next start boots."""
        self._do(
            guest_id,
            lambda domain: domain.hasManagedSaveImage(0) and domain.managedSaveRemove(0),
            "The hypervisor could not drop the guest's saved memory.",
        )

    def wake(self, guest_id: str) -> None:
        """Wake a guest that put itself to sleep."""
        self._do(
            guest_id,
            lambda domain: domain.pMWakeup(0),
            "The hypervisor could not wake the guest.",
        )

    def press_button(self, guest_id: str) -> None:
        """Press the ACPI power button; a guest that is gone by now needs none."""
        self._do(
            guest_id,
            lambda domain: domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN),
            "The hypervisor could not ask the guest to shut down.",
        )

    def pull_plug(self, guest_id: str) -> None:
        """End the domain's QEMU; one that does not run needs no ending."""
        self._do(guest_id, libvirt.virDomain.destroy, "The hypervisor could not stop the guest.")

    def undefine(self, guest_id: str) -> None:
        """Forget the domain with all libvirt keeps of it; absent is fine."""
        domain = self.find(guest_id)
        if domain is None:
            return
        try:
            with self._connection.use("The hypervisor could not delete the guest."):
                domain.undefineFlags(LEAVE_NOTHING)
        except GuestNotFound:
            return

    def _do(
        self, guest_id: str, what: Callable[[libvirt.virDomain], object], sentence: str
    ) -> None:
        domain = self.find(guest_id)
        if domain is None:
            raise GuestNotFound
        with self._connection.use(sentence):
            try:
                what(domain)
            except libvirt.libvirtError as error:
                # it already is, or no longer is, what it should be
                if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
                    raise

    def _is_ours(self, domain: libvirt.virDomain) -> bool:
        try:
            found = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, xml.NAMESPACE)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
                return False
            raise
        return xml.belongs_to(found, self._owner)


def guest_state(domain: libvirt.virDomain) -> GuestState:
    """Return a domain's state in our words."""
    state, reason = domain.state()
    power_state = POWER_STATES.get(state, "nostate")
    if state == libvirt.VIR_DOMAIN_SHUTOFF and reason == libvirt.VIR_DOMAIN_SHUTOFF_CRASHED:
        power_state = "crashed"
    elif state == libvirt.VIR_DOMAIN_SHUTOFF and domain.hasManagedSaveImage(0):
        power_state = "suspended"
    return GuestState(id=domain.UUIDString(), name=domain.name(), power_state=power_state)
