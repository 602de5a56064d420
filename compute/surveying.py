"""What a host finds when it looks at all its guests: told now and then, for whoever knows what should be."""

from __future__ import annotations

import time
from collections.abc import Collection

from cloudweb.driver import DriverError
from compute.drivers.base import GuestNotFound, HotPlug, Hypervisor, InterfaceHotPlug
from compute.objects import GuestState, HostSurvey, SeenGuest


def survey(driver: Hypervisor, kept: Collection[str]) -> HostSurvey:
    """Look at everything; ``kept`` are the guests of which there are records. Raises DriverError."""
    at = time.time()
    traces = {*driver.traces(), *kept}
    guests = driver.list()
    return HostSurvey(
        at=at,
        guests=tuple(one for guest in guests if (one := _seen(driver, guest)) is not None),
        traces=tuple(sorted(traces)),
    )


def _seen(driver: Hypervisor, guest: GuestState) -> SeenGuest | None:
    taps: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()
    try:
        if guest.power_state in ("running", "paused"):
            if isinstance(driver, InterfaceHotPlug):
                taps = tuple(driver.interfaces(guest.id))
            if isinstance(driver, HotPlug):
                disks = tuple(sorted(driver.attached_disks(guest.id)))
    except GuestNotFound:
        return None  # it went while we looked
    except DriverError:  # nothing can be said of it now but that it is there
        return SeenGuest(id=guest.id, name=guest.name, power_state="nostate")
    return SeenGuest(
        id=guest.id, name=guest.name, power_state=guest.power_state, taps=taps, disks=disks
    )
