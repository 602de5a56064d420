"""What a host is asked about the inside of its guests; nothing of it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudweb.agent import Function
from cloudweb.driver import DriverError
from cloudweb.rpc import Method
from compute import rpc
from compute.drivers.base import Diagnostics, Hypervisor, Interrupt, Password
from compute.guest_use import GuestUse
from compute.objects import GuestRef, GuestState, PasswordRequest


@dataclass(frozen=True, slots=True)
class Insides:
    """The guests of a host, from inside."""

    driver: Hypervisor

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of these methods."""
        return {
            rpc.SET_PASSWORD: self.set_password,
            rpc.INJECT_NMI: self.inject_nmi,
            rpc.DIAGNOSE: self.diagnose,
        }

    def set_password(self, request: PasswordRequest) -> GuestState:
        """Have the guest's agent set it; raise DriverError where none does."""
        if not isinstance(self.driver, Password):
            raise DriverError("This server's hypervisor sets no passwords.")
        ref = GuestRef(id=request.id, name=request.name)
        self.driver.set_password(ref, user=request.user or "root", password=request.password)
        return self.driver.get(ref.id)

    def inject_nmi(self, ref: GuestRef) -> GuestState:
        """Interrupt the guest."""
        if not isinstance(self.driver, Interrupt):
            raise DriverError("This server's hypervisor interrupts no guests.")
        self.driver.inject_nmi(ref)
        return self.driver.get(ref.id)

    def diagnose(self, ref: GuestRef) -> GuestUse:
        """Tell what the guest uses."""
        if not isinstance(self.driver, Diagnostics):
            raise DriverError("This server's hypervisor tells nothing of its guests.")
        return self.driver.diagnose(ref)
