"""May a running guest go from one host to another, and what is to be expected."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import libvirt

from cloudweb.driver import DriverError, Work
from compute.drivers.base import GuestIsOff, GuestNotFound
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.facts import HostFacts, memory
from compute.drivers.libvirt.files import GuestFiles, own_disks
from compute.drivers.libvirt.live_definition import machine, processor
from compute.drivers.libvirt.live_job import is_moving
from compute.drivers.libvirt.offers import disk_file, virtual_size, wire_of
from compute.drivers.libvirt.storage import RESERVE, Storage
from compute.drivers.libvirt.xml import Platform
from compute.live_objects import (
    DestinationCheck,
    DestinationVerdict,
    OwnDisk,
    SourceCheck,
    SourceVerdict,
)

if TYPE_CHECKING:
    from compute.drivers.libvirt.domains import Domains

MIB = 1024**2
#: What is expected of the way between two hosts, bytes a second, where nothing was measured: a gigabit a second.
EXPECTED_SPEED = 100 * MIB
#: What going over takes at least, milliseconds.
SWITCH = 100
#: Seconds for which it is looked how much a guest writes.
LOOKED = 1
#: Files by which hosts see that they share storage are removed after so long.
TOKEN_SECONDS = 600.0
_TOKEN = ".shared-"  # noqa: S105  no secret
#: QEMU's version as libvirt says it, without the last number.
_SERIES = 1000


class LiveChecks:
    """What the libvirt driver looks at; the rest of the driver gives what is named here."""

    host: str
    state_dir: Path
    storage: Storage
    connection: Connection
    _domains: Domains
    _facts: HostFacts
    _platform: Platform

    def check_destination(self, request: DestinationCheck, *, work: Work) -> DestinationVerdict:
        """Look at the host's processor, room, certificate, and whether the guest is here already."""
        work.checkpoint()
        with self.connection.use() as connection:
            described = connection.getDomainCapabilities(None, "x86_64", "q35", self._virt)
        return DestinationVerdict(
            id=request.spec.id,
            reasons=tuple(self._against_coming(request)),
            driver=f"libvirt {self._virt}",
            cpu=_host_model(described),
            version=self._facts.version,
            token=self._leave_token(),
            free=max(0, self.storage.free() - RESERVE),
        )

    @property
    def _virt(self) -> str:
        return "kvm" if self._platform.accelerated else "qemu"

    def _against_coming(self, request: DestinationCheck) -> Iterator[str]:
        spec = request.spec
        if self._domains.find(spec.id) is not None:
            yield "The host has a guest of this id already."
        if memory("MemAvailable") < spec.ram * MIB:
            yield f"The host has less than the {spec.ram} MiB of free memory that the server needs."
        if not (wire_of(self.state_dir).certificates / "server-cert.pem").exists():
            yield "The host has no certificate yet; no other host can send it a server."

    def _leave_token(self) -> str:
        """Make a file that who shares this storage sees; those of earlier questions go."""
        self._drop_tokens(older=TOKEN_SECONDS)
        token = f"{_TOKEN}{uuid.uuid4().hex}"
        (self.storage.directory / token).touch(mode=0o600)
        return token

    def _drop_tokens(self, *, older: float = 0.0) -> None:
        for path in self.storage.directory.glob(f"{_TOKEN}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime <= time.time() - older:
                    path.unlink()

    def check_source(self, request: SourceCheck, *, work: Work) -> SourceVerdict:
        """Look at the guest as it runs, for a second."""
        spec, other = request.spec, request.destination
        domain = self._domains.find(spec.id)
        if domain is None:
            raise GuestNotFound
        if not self._domains.is_active(domain):
            raise GuestIsOff
        work.checkpoint()
        with self.connection.use():
            live = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
            busy = domain.jobStats()
            size = domain.maxMemory() * 1024
        shares = bool(other.token) and (self.storage.directory / Path(other.token).name).exists()
        copied = request.block_copy == "yes" or not shares
        disks = tuple(self._own_disks(self.storage.files(spec.id), request, copied=copied))
        reasons = [*self._against_going(request, live, shares=shares, disks=disks)]
        if is_moving(busy) or busy.get("type", 0) != libvirt.VIR_DOMAIN_JOB_NONE:
            reasons.append("The hypervisor is at work on the server already.")
        dirty = 0 if reasons else self._dirty_rate(domain)
        return SourceVerdict(
            id=spec.id,
            reasons=tuple(reasons),
            disks=disks,
            memory=size,
            dirty_rate=dirty,
            seconds=_seconds(size + sum(disk.used for disk in disks if disk.copied), dirty),
            downtime=SWITCH + min(400, 1000 * dirty // EXPECTED_SPEED),
        )

    def _own_disks(
        self, files: GuestFiles, request: SourceCheck, *, copied: bool
    ) -> Iterator[OwnDisk]:
        for disk in own_disks(request.spec):
            place = disk_file(files, disk.name)
            used = sum(
                path.stat().st_blocks * 512 for path in (place.path, place.base) if path.exists()
            )
            yield OwnDisk(name=disk.name, size=virtual_size(place), used=used, copied=copied)

    def _against_going(
        self, request: SourceCheck, live: str, *, shares: bool, disks: Sequence[OwnDisk]
    ) -> Iterator[str]:
        other = request.destination
        if request.spec.rescue is not None:
            yield "The server is rescued: unrescue it first."
        if disks and request.block_copy == "no" and not shares:
            yield "The hosts do not share the storage of the server's disks, and they shall not be copied."
        if disks and request.block_copy == "yes" and shares:
            yield "The hosts share the storage of the server's disks: there is nothing to copy."
        if sum(disk.used for disk in disks if disk.copied) > other.free:
            yield "The other host has not enough room for the server's disks."
        if not other.driver.startswith("libvirt "):
            yield "The other host has another kind of hypervisor."
            return
        if ET.fromstring(live).get("type") == "kvm" and other.driver != "libvirt kvm":  # noqa: S314
            yield "The other host cannot accelerate guests, as this server's host does."
        yield from self._against_processor(live, other)

    def _against_processor(self, live: str, other: DestinationVerdict) -> Iterator[str]:
        ours, theirs = self._facts.version // _SERIES, other.version // _SERIES
        wanted = processor(live)
        if theirs < ours:
            yield "The other host's QEMU is older than the one that the server runs on."
        elif not wanted and theirs != ours:
            yield "The server has a processor that QEMU makes, and the other host's QEMU is another one."
        if not wanted:
            return
        missing = self._features(wanted, live) - self._features(other.cpu, live)
        if missing:
            yield f"The other host's processor lacks what the server's has: {', '.join(sorted(missing))}."

    def _features(self, cpu: str, live: str) -> set[str]:
        """Return all that a processor has, as this libvirt says it."""
        virt = ET.fromstring(live).get("type", "qemu")  # noqa: S314  from our libvirt
        with self.connection.use() as connection:
            whole = connection.baselineHypervisorCPU(
                None, "x86_64", machine(live), virt, [cpu],
                libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES,
            )  # fmt: skip
        return {
            one.get("name", "")
            for one in ET.fromstring(whole).findall("feature")  # noqa: S314  from our libvirt
            if one.get("policy", "require") in ("require", "force")
        }

    def _dirty_rate(self, domain: libvirt.virDomain) -> int:
        """Return the bytes of memory that a guest writes a second. (Mode 1 ends QEMU where KVM is not.)"""
        with suppress(DriverError), self.connection.use() as connection:
            domain.startDirtyRateCalc(LOOKED, 0)
            time.sleep(LOOKED + 0.2)
            ((_, said),) = connection.domainListGetStats(
                [domain], libvirt.VIR_DOMAIN_STATS_DIRTYRATE
            )
            return max(0, int(said.get("dirtyrate.megabytes_per_second", 0))) * MIB
        return 0


def _host_model(capabilities: str) -> str:
    """Return the processor that a host gives to guests that want its own, as libvirt compares it."""
    mode = ET.fromstring(capabilities).find("cpu/mode[@name='host-model']")  # noqa: S314
    if mode is None or mode.find("model") is None:
        return ""
    cpu = ET.Element("cpu", mode="custom", match="exact")
    cpu.extend(mode)
    return ET.tostring(cpu, encoding="unicode")


def _seconds(size: int, dirty: int) -> int | None:
    if dirty >= EXPECTED_SPEED:
        return None
    return 1 + size // (EXPECTED_SPEED - dirty)
