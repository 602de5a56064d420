"""What is under a running guest's disk, exchanged: QEMU mirrors it, then goes over; the guest sees nothing of it.

The mirror writes to both before a write is done, so once it is whole nothing is ever missing. The
definition changes just before the guest goes over: a QEMU that dies between starts with what has all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from xml.etree import ElementTree as ET

import libvirt

from cloudweb.driver import DriverError, TransientDriverError, Work
from compute.drivers.base import DiskNotFound, GuestIsOff, NotMirrored
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.devices import CONFIG, LIVE, Devices
from compute.drivers.libvirt.disks import Attached, attached_disk, copy_of, leads_to, socket_of
from compute.drivers.libvirt.domains import Domains
from compute.drivers.libvirt.plugging import Monitor, Plugging, lead, node_of
from compute.drivers.libvirt.reach import Reach
from compute.objects import GuestDisk

#: How often it is looked how far a mirror is. Seconds.
LOOK = 0.2
_FLAGS = (
    libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
    | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
    | libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES
)
ENDED = "The copy of the disk ended early."


class Swapping(Devices):
    """Mirrors of our domains' attached disks, each known by its serial."""

    def __init__(
        self, connection: Connection, domains: Domains, plugging: Plugging, reach: Reach
    ) -> None:
        super().__init__(connection, domains)
        self._plugging, self._reach = plugging, reach

    def mirror(self, guest_id: str, disk: GuestDisk, *, work: Work) -> None:
        """Have all in ``disk``; return when it is. What was mirrored elsewhere is no more."""
        disk = self._reach.let_in(guest_id, disk, work=work)
        assert disk.source is not None
        is_ours, told = False, -1
        while True:
            work.checkpoint()
            domain = self._domain(guest_id)
            found = self._running(domain, disk.serial)
            if leads_to(found.element, disk.source):
                return
            mirror = found.element.find("mirror")
            if mirror is not None and not leads_to(mirror, disk.source):
                self._abort(domain, found)
            elif mirror is not None:
                is_ours = True
                if mirror.get("ready") == "yes":
                    return
            elif is_ours:
                raise TransientDriverError(ENDED)
            else:
                is_ours = True
                self._start(domain, found, disk)
            told = self._tell(domain, found, told, work)
            time.sleep(LOOK)

    def swap(
        self, guest_id: str, disk: GuestDisk, *, decided: Callable[[], None], work: Work
    ) -> None:
        """Go over, and see that all else fits what the guest has now.

        Raises NotMirrored where that cannot be, and the definition is as it was.
        """
        disk = self._reach.let_in(guest_id, disk, work=work)
        self._go_over(guest_id, disk, decided=decided, work=work)
        self._plugging.plug(guest_id, disk, work=work)
        self._unfold(guest_id, disk)
        self._plugging.hold_on(guest_id, [disk])
        self._plugging.resize(guest_id, disk.serial, disk.size, work=work)
        self._reach.entries.drop(guest_id, disk.serial, but=disk)

    def _go_over(
        self, guest_id: str, disk: GuestDisk, *, decided: Callable[[], None], work: Work
    ) -> None:
        assert disk.source is not None
        domain = self._domain(guest_id)
        defined = self._plugging.found(domain, CONFIG, disk.serial)
        if defined is None:
            raise DiskNotFound
        if not self._domains.is_active(domain):
            if not leads_to(defined.element, disk.source):
                raise NotMirrored  # it ended, and may have run again since
            return
        live = self._running(domain, disk.serial)
        if not leads_to(live.element, disk.source):
            mirror = live.element.find("mirror")
            if mirror is None or mirror.get("ready") != "yes" or not leads_to(mirror, disk.source):
                self._define(domain, defined, live.element)
                raise NotMirrored
            work.checkpoint()
            self._define(domain, defined, attached_disk(disk, defined.target))
            decided()
            try:
                with self._connection.use("The server could not go over to the volume."):
                    domain.blockJobAbort(live.target, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
            except DriverError as error:
                self._stay(domain, disk, defined, live, error)
        else:
            self._define(domain, defined, attached_disk(disk, defined.target))

    def end(self, guest_id: str, serial: str, target: str, *, work: Work) -> None:
        """Mirror the disk no more; what the guest went over to stays."""
        domain = self._domain(guest_id)
        places = self._places(domain)
        every = [self._plugging.found(domain, flag, serial) for flag in places]
        live = every[-1] if LIVE in places else None
        if live is not None and live.element.find("mirror") is not None:
            work.checkpoint()
            self._abort(domain, live)
        used = {socket_of(one.element) for one in every if one is not None}
        self._reach.entries.drop_target(guest_id, serial, target, used=used)

    def _unfold(self, guest_id: str, disk: GuestDisk) -> None:
        """Let the guest have all of a larger disk: what the mirror wrote to was as large as the old one."""
        domain = self._domain(guest_id)
        if not self._domains.is_active(domain):
            return
        qmp = Monitor(self._connection, domain)
        upper = node_of(qmp, self._running(domain, disk.serial))
        part = upper.replace("-format", "-slice-sto")
        if any(one["node-name"] == part for one in qmp("query-named-block-nodes", flat=True)):
            lead(qmp, upper, upper.replace("-format", "-storage"), disk)
            qmp("blockdev-del", **{"node-name": part})

    def _stay(
        self,
        domain: libvirt.virDomain,
        disk: GuestDisk,
        defined: Attached,
        live: Attached,
        error: DriverError,
    ) -> None:
        """Find out what became of a guest that did not say that it went over; raise where it did not."""
        assert disk.source is not None
        if not self._domains.is_active(domain):
            return  # it died, and nothing was missing
        found = self._running(domain, disk.serial)
        if leads_to(found.element, disk.source):
            return
        if found.element.find("mirror") is not None:  # it may yet
            raise TransientDriverError(error.message, detail=error.detail) from error
        self._define(domain, defined, live.element)
        raise NotMirrored(detail=error.detail) from error

    def _running(self, domain: libvirt.virDomain, serial: str) -> Attached:
        if not self._domains.is_active(domain):
            raise GuestIsOff
        found = self._plugging.found(domain, LIVE, serial)
        if found is None:
            raise DiskNotFound
        return found

    def _start(self, domain: libvirt.virDomain, found: Attached, disk: GuestDisk) -> None:
        with self._connection.use("The hypervisor could not copy the disk."):
            size = domain.blockInfo(found.target)[0]
            target = ET.tostring(copy_of(disk, size=size), encoding="unicode")
            domain.blockCopy(found.target, target, {}, _FLAGS)

    def _abort(self, domain: libvirt.virDomain, found: Attached) -> None:
        with self._connection.use("The hypervisor could not end the copy of the disk."):
            domain.blockJobAbort(found.target, 0)

    def _define(self, domain: libvirt.virDomain, defined: Attached, said: ET.Element) -> None:
        """Let the definition lead to where ``said`` does."""
        old, new = defined.element.find("source"), said.find("source")
        assert old is not None
        assert new is not None
        if ET.tostring(old) == ET.tostring(new):
            return
        place = list(defined.element).index(old)
        changed = ET.fromstring(defined.text)  # noqa: S314  from our libvirt
        changed.remove(changed[place])
        changed.insert(place, new)
        text = ET.tostring(changed, encoding="unicode")
        with self._connection.use("The hypervisor could not exchange the disk."):
            domain.updateDeviceFlags(text, CONFIG)

    def _tell(self, domain: libvirt.virDomain, found: Attached, told: int, work: Work) -> int:
        with self._connection.use():
            job = domain.blockJobInfo(found.target, 0)
        done, total = (job.get("cur", 0), job.get("end", 0)) if job else (0, 0)
        percent = done * 100 // total if total else 0
        if percent != told:
            work.progress(percent, f"{done // 1024**2} of {total // 1024**2} MiB")
        return percent
