"""What a host tells of what a guest does with its processors, memory, disks and cards."""

from __future__ import annotations

from typing import ClassVar

from cloudweb.objects import Part, VersionedObject
from compute.objects import PowerState


class DiskUse(Part):
    """What a guest did with a disk since it started; ``name`` is the guest's place for it ("vda")."""

    name: str
    read_bytes: int = 0
    read_requests: int = 0
    write_bytes: int = 0
    write_requests: int = 0
    errors: int | None = None


class CardUse(Part):
    """What went through a card since its guest started."""

    mac: str
    name: str
    rx_octets: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_drop: int = 0
    tx_octets: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_drop: int = 0


class GuestUse(VersionedObject):
    """What a guest uses: the time of each processor in ns, memory in KiB, None for what is not known."""

    VERSION: ClassVar[str] = "1.0"

    driver: str
    hypervisor: str
    power_state: PowerState
    processors: tuple[int, ...] = ()
    memory: int = 0
    memory_actual: int | None = None
    memory_used: int | None = None
    memory_rss: int | None = None
    disks: tuple[DiskUse, ...] = ()
    cards: tuple[CardUse, ...] = ()
