"""Network cards that guests of a host get and lose, running or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from cloudweb.agent import Function
from cloudweb.driver import DriverError, Work
from cloudweb.rpc import Method
from compute import rpc
from compute.drivers.base import GuestNotFound, Hypervisor, InterfaceHotPlug
from compute.objects import (
    AttachInterfaceRequest,
    DetachInterfaceRequest,
    GuestInterface,
    GuestRef,
    GuestSpec,
)

OFF = ("shutdown", "crashed")


class Keep(Protocol):
    """Notes what a guest is made of at its next starts, and whether it runs after a reboot."""

    def __call__(self, spec: GuestSpec, *, runs: bool) -> None: ...


class Interfaces:
    """The cards of one host's guests; ``read`` and ``keep`` are the host's notes of them."""

    def __init__(
        self,
        driver: Hypervisor,
        read: Callable[[str], tuple[GuestSpec, bool] | None],
        keep: Keep,
    ) -> None:
        self._driver, self._read, self._keep = driver, read, keep

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of compute's methods about cards."""
        return {rpc.ATTACH_INTERFACE: self.attach, rpc.DETACH_INTERFACE: self.detach}

    def attach(self, request: AttachInterfaceRequest, work: Work) -> None:
        """Give the guest a card now and at each start from here on."""
        ref, card = GuestRef(id=request.id, name=request.name), request.interface
        if (driver := self._hot_plug(ref)) is not None:
            driver.attach_interface(ref, card, work=work)
        self._note(request.id, card.port_id, card)

    def detach(self, request: DetachInterfaceRequest, work: Work) -> None:
        """Take a card from the guest; one that is not on the host has none."""
        ref = GuestRef(id=request.id, name=request.name)
        with suppress(GuestNotFound):
            if (driver := self._hot_plug(ref)) is not None:
                driver.detach_interface(ref, request.tap, timeout=request.timeout, work=work)
        self._note(request.id, request.port_id, None)

    def _hot_plug(self, ref: GuestRef) -> InterfaceHotPlug | None:
        """Return who changes the cards of a guest; None for one that is off and is told at its start."""
        if isinstance(self._driver, InterfaceHotPlug):
            return self._driver
        if self._driver.get(ref.id).power_state not in OFF:
            raise DriverError("This server's hypervisor changes no cards of a guest that runs.")
        return None

    def _note(self, guest_id: str, port_id: str, card: GuestInterface | None) -> None:
        """Keep the card of this port, in the place it has, or that there is none any more."""
        kept = self._read(guest_id)
        if kept is None:
            return
        spec, runs = kept
        cards = {one.port_id: one for one in spec.interfaces}
        if card is not None:
            cards[port_id] = card
        else:
            cards.pop(port_id, None)
        if (changed := tuple(cards.values())) != spec.interfaces:
            self._keep(spec.model_copy(update={"interfaces": changed}), runs=runs)
