"""From a fence's settings to what drives it; the settings name the class of each kind."""

from __future__ import annotations

from cloudweb.driver import load_class
from cloudweb.encryption import decrypt
from compute.conf import FENCE_DRIVERS
from compute.fencing.base import FenceDriver, FencePlace
from compute.models import HostFence


def driver_of(fence: HostFence) -> FenceDriver:
    """Return the driver of a host's power, with its password opened."""
    place = FencePlace(
        host=fence.host.name,
        address=fence.address,
        user=fence.user,
        password=decrypt(fence.password) if fence.password else "",
        machine=fence.machine,
        verify=fence.verify,
        ca=fence.ca,
    )
    driver: FenceDriver = class_of(fence.kind)(place)
    return driver


def class_of(kind: str) -> type[FenceDriver]:
    """Return the class of a kind of fence."""
    found: type[FenceDriver] = load_class(FENCE_DRIVERS[kind])
    return found
