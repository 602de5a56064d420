"""Orders about guests, given to libvirt."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from builtins import list as List  # noqa: N812  the class below has a method named list
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import libvirt
import structlog

from cloudweb.conf import env, var_dir
from cloudweb.driver import Unguarded, Work
from compute import traits
from compute.drivers.base import (
    ConsoleLog,
    Freeze,
    GuestIsOff,
    GuestListener,
    GuestNotFound,
    HotPlug,
    Hypervisor,
    Pause,
    Suspend,
    SwapDisks,
    capabilities,
)
from compute.drivers.cells import floating
from compute.drivers.libvirt import config_drive, console, probe, processor, xml
from compute.drivers.libvirt.cards import Cards, PluggedCards
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.consoles import LibvirtConsoles
from compute.drivers.libvirt.copying import Copies
from compute.drivers.libvirt.daemon import AUTO, Daemon
from compute.drivers.libvirt.domains import Domains
from compute.drivers.libvirt.entries import ENTRIES_DIR, Entries
from compute.drivers.libvirt.facts import (
    HostFacts,
    check_host,
    group_for_kvm,
    memory,
    qemu_user,
)
from compute.drivers.libvirt.files import GuestFiles, own_disks
from compute.drivers.libvirt.freezing import FileSystems
from compute.drivers.libvirt.inside import LibvirtInside
from compute.drivers.libvirt.live import LibvirtLive
from compute.drivers.libvirt.plugging import Plugging
from compute.drivers.libvirt.reach import Reach
from compute.drivers.libvirt.rescuing import LibvirtRescue
from compute.drivers.libvirt.resizing import LibvirtResizing
from compute.drivers.libvirt.snapshots import LibvirtSnapshots
from compute.drivers.libvirt.stalls import Stalls
from compute.drivers.libvirt.storage import Storage, host_errors, image_of
from compute.drivers.libvirt.swapping import Swapping
from compute.drivers.libvirt.users import guest_uids
from compute.drivers.libvirt.watcher import Watcher
from compute.objects import (
    GuestDisk,
    GuestRef,
    GuestSpec,
    GuestState,
    HostInventory,
    HostLoad,
    RebootRequest,
)

log = structlog.get_logger(__name__)

MIB, GIB = 1024**2, 1024**3
POLL = 0.25
#: A guest whose system is still booting does not hear the button; it is pressed again.
PRESS_AGAIN = 10.0
RUN_DIR = Path("/run/cloudweb")


class LibvirtDriver(
    LibvirtInside,
    LibvirtLive,
    LibvirtRescue,
    LibvirtResizing,
    Hypervisor,
    ConsoleLog,
    HotPlug,
    PluggedCards,
    Pause,
    Suspend,
    Freeze,
    LibvirtConsoles,
    LibvirtSnapshots,
    SwapDisks,
):
    """The guests of a host, as persistent domains of its libvirt.

    Everything of a guest is in ``state_dir``/guests/<id>; sockets, whose paths must be short, are
    under ``run_dir``. ``uri`` is a libvirt URI, ``auto`` or ``private`` (daemon.py; setting
    LIBVIRT_URI). ``probe_kernel`` is what the KVM probe boots (setting KVM_PROBE_KERNEL), by default
    the demo image's kernel, where there is none one of the machine's own.
    """

    def __init__(
        self,
        state_dir: Path,
        host: str,
        uri: str | None = None,
        *,
        run_dir: Path | None = None,
        probe_kernel: Path | None = None,
    ) -> None:
        self.host = host
        self.state_dir = state_dir.resolve()
        digest = hashlib.sha256(os.fsencode(self.state_dir)).hexdigest()[:12]
        self.run_dir = run_dir or RUN_DIR / digest
        kernel = env.str("KVM_PROBE_KERNEL", default=str(var_dir() / "demo-image" / "vmlinuz"))
        self._probe_kernel = probe_kernel or Path(kernel)
        self._platform = xml.Platform(owner=f"{host}:{digest}")
        self._facts = HostFacts()
        self._traits: set[str] = set()
        self._asked = {}
        self.daemon = Daemon(
            self.state_dir, self.run_dir, uri or env.str("LIBVIRT_URI", default=AUTO)
        )
        self.storage = Storage(self.state_dir, self.run_dir, host)
        self.connection = Connection(
            self.daemon.uri,
            on_event=lambda guest_id: self._watcher.event(guest_id),
            on_lost=lambda: self._watcher.lost(),
            on_hang=self.daemon.hangs,
        )
        self._domains = Domains(self.connection, self._platform.owner)
        self._plugging = Plugging(self.connection, self._domains)
        self._cards = Cards(self.connection, self._domains)
        self._file_systems = FileSystems(self.connection, self._domains)
        self._stalls = Stalls(self.connection, self._domains)
        self._copies = Copies(self.connection, self._domains)
        self.entries = Entries(
            ENTRIES_DIR / digest,
            self.state_dir.parent / "credentials" / "tls",
        )
        self._reach = Reach(self.entries, self.storage, self._plugging)
        self._swapping = Swapping(self.connection, self._domains, self._plugging, self._reach)
        self._watcher = Watcher(get=self.get, look_at_all=lambda: List(self.list()))

    # -- life

    def start(self, listener: GuestListener) -> None:
        """Check what is needed, connect, find the guests again."""
        check_host()
        with host_errors():
            self.state_dir.mkdir(parents=True, exist_ok=True)
        with self.connection.use("The hypervisor does not answer.") as connection:
            described = connection.getCapabilities()
            self._facts = HostFacts.of(connection, described)
        accelerated = self._may_accelerate()
        self._choose_users(described, accelerated=accelerated)
        with self.connection.use() as connection:
            self._traits = traits.of_flags(processor.flags(connection, accelerated=accelerated))
        self._platform = xml.Platform(
            owner=self._platform.owner,
            accelerated=accelerated,
            gid=self.storage.gid,
            cache=self.storage.cache_mode(),
            screens=env.bool("COMPUTE_SCREENS", default=True),
            floating=floating(self._facts.cells),
        )
        self._watcher.start(listener, List(self.list()))

    def _choose_users(self, described: str, *, accelerated: bool) -> None:
        """Let each guest run as a user of its own, where this host has them; say so where it has not."""
        private, uids = self.daemon.is_private(), guest_uids()
        uid, gid = qemu_user() if private else xml.qemu_owner(described)
        if uids is not None and gid == 0:
            gid = uids[0]
        group = group_for_kvm(gid) if accelerated else gid
        if group is None:
            uid, group, uids = 0, 0, None
        self.storage.prepare(uid, group, uids=uids, seen=self.daemon.GUESTS if private else None)
        if self.storage.runs_as_root:
            log.warning(
                "guests run as root: other users may not enter the data directory or use KVM"
            )
        elif uids is None:
            log.warning(
                "guests share one user: this container has not the uids of GUEST_UIDS", uid=uid
            )

    def stop(self) -> None:
        """Disconnect; guests and the private daemon go on."""
        self._watcher.stop()
        self.connection.close()

    def delete_everything(self) -> None:
        """Take all guests of this installation off the host, then the private daemon."""
        if not self.daemon.home.exists() and not self.storage.guests():
            return  # nothing ever ran here: no reason to start a daemon
        for guest_id in {guest.id for guest in self._all()} | set(self.storage.guests()):
            self.destroy(GuestRef(id=guest_id, name=guest_id), work=Unguarded())
        self.tunnels.close_all()
        self.stop()
        if self.daemon.is_private():
            self.daemon.stop()
        self.storage.remove_all()
        for directory in (
            *(self.daemon.home, self.run_dir, self.state_dir / "offers"),
            *(self.state_dir / "tunnels", self.state_dir / "journeys"),
        ):
            shutil.rmtree(directory, ignore_errors=True)
        self.entries.drop_everything()

    # -- orders

    def spawn(self, spec: GuestSpec, *, images: Mapping[str, Path], work: Work) -> GuestState:
        """Make disks and domain be there, as far as they are not yet, and start it."""
        with self._watcher.order(spec.id):
            domain = self._domains.find(spec.id)
            if domain is not None and self._domains.is_active(domain):
                return self.get(spec.id)
            files = self.storage.files(spec.id)
            with ExitStack() as undo:
                work.checkpoint()
                self.storage.check_room()
                if self.storage.make_home(files):
                    undo.callback(self.storage.remove, files)
                self.storage.claim(files)
                for disk in own_disks(spec):
                    work.checkpoint()
                    self.storage.make_disk(files, disk, images)
                work.checkpoint()
                self._write_boot_files(spec, files, images)
                work.progress(50, "disks are there")
                work.checkpoint()
                spec = self.entries.through(spec)
                undo.callback(self.entries.drop, spec.id)
                uid = self.storage.hand_over(files, spec)
                self._plugging.tell_secrets(spec.disks)
                self._domains.define(self._xml(spec, files, uid))
                if domain is None:
                    undo.callback(self._forget, spec.id, spec.name)
                work.checkpoint()
                self._domains.start(spec.id)
                undo.pop_all()
            self._plugging.hold_on(spec.id, spec.disks)
            return self.get(spec.id)

    def destroy(self, ref: GuestRef, *, work: Work) -> None:
        """Stop the guest, then make its domain, files and logs absent."""
        with self._watcher.order(ref.id):
            domain = self._domains.find(ref.id)
            if domain is not None:
                name = self._domains.name(domain)
                if self._domains.is_active(domain):
                    work.checkpoint()
                    self._domains.pull_plug(ref.id)
                self._close_tunnel(ref.id)  # a libvirt that waits for the other host keeps its lock
                work.checkpoint()
                self._forget(ref.id, name)
            work.checkpoint()
            self.entries.drop(ref.id)
            self.offers.withdraw(ref.id)
            self.end_journey(ref.id)
            self.storage.remove(self.storage.files(ref.id))
            if self.daemon.is_private():
                self._forget_power_loss(ref.name)

    def _forget_power_loss(self, name: str) -> None:
        """Remove what libvirt keeps of a domain that lost its power: its directory of that run.

        libvirt removes it when a domain stops, and it cut the name to twenty characters.
        """
        for directory in (self.daemon.home / "lib" / "qemu").glob(f"domain-*-{name[:20]}"):
            shutil.rmtree(directory, ignore_errors=True)

    def power_on(self, spec: GuestSpec, *, work: Work) -> GuestState:
        """Start the guest as it is specified now; define it if the host lost the domain."""
        with self._watcher.order(spec.id):
            domain = self._domains.find(spec.id)
            if domain is None or not self._domains.is_active(domain):
                self._boot(spec, work)
            elif self.get(spec.id).power_state == "paused":
                work.checkpoint()
                self._domains.resume(spec.id)
            return self.get(spec.id)

    def power_off(self, ref: GuestRef, *, timeout: float, work: Work) -> GuestState:
        """Press the button, wait, pull the plug."""
        with self._watcher.order(ref.id):
            self._shut_down(ref.id, timeout, work)
            return self.get(ref.id)

    def reboot(self, request: RebootRequest, *, work: Work) -> GuestState:
        """Shut down (softly only if asked) and start; only a hard reboot makes a lost domain anew."""
        with self._watcher.order(request.id):
            lost = self._domains.find(request.id) is None
            if lost and (request.kind == "SOFT" or request.spec is None):
                raise GuestNotFound
            if not lost:
                patience = request.timeout if request.kind == "SOFT" else 0
                self._shut_down(request.id, patience, work)
            if request.spec is not None:
                self._boot(request.spec, work)
            else:
                work.checkpoint()
                self._domains.start(request.id)
            return self.get(request.id)

    def _shut_down(self, guest_id: str, timeout: float, work: Work) -> None:
        domain = self._domains.find(guest_id)
        if domain is None:
            raise GuestNotFound
        deadline, press_at = time.monotonic() + timeout, 0.0
        can_hear = self.get(guest_id).power_state == "running"
        while self._domains.is_active(domain):
            now = time.monotonic()
            work.checkpoint()
            if now >= deadline or not can_hear:
                self._domains.pull_plug(guest_id)
                return
            if now >= press_at:
                self._domains.press_button(guest_id)
                press_at = now + PRESS_AGAIN
            time.sleep(min(POLL, max(0.0, deadline - now)))

    def pause(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Halt the guest's processors."""
        with self._watcher.order(ref.id):
            if self._power_of_running(ref.id) != "paused":
                work.checkpoint()
                self._domains.pause(ref.id)
            self._stalls.keep(ref.id)
            return self.get(ref.id)

    def unpause(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Let them go on."""
        with self._watcher.order(ref.id):
            if self._power_of_running(ref.id) == "paused":
                work.checkpoint()
                self._stalls.forget(ref.id)
                self._domains.resume(ref.id)
            return self.get(ref.id)

    def suspend(self, ref: GuestRef, *, work: Work) -> GuestState:
        """Have libvirt save the guest; one that is saved stays so."""
        with self._watcher.order(ref.id):
            found = self.get(ref.id)
            domain = self._domains.find(ref.id)
            if found.power_state != "suspended" or (domain and self._domains.is_active(domain)):
                self._power_of_running(ref.id)
                work.checkpoint()
                self.storage.check_room()
                self._domains.save(ref.id)
            return self.get(ref.id)

    def resume(self, spec: GuestSpec, *, work: Work) -> GuestState:
        """Restore what was saved; boot where nothing is left of it."""
        with self._watcher.order(spec.id):
            found = self.get(spec.id)
            domain = self._domains.find(spec.id)
            if domain is not None and self._domains.is_active(domain):
                work.checkpoint()
                act = (
                    self._domains.wake if found.power_state == "suspended" else self._domains.resume
                )
                act(spec.id)
            else:
                self._boot(spec, work, from_memory=found.power_state == "suspended")
            return self.get(spec.id)

    def _power_of_running(self, guest_id: str) -> str:
        """Return a guest's power; raise GuestNotFound, or GuestIsOff where it has no QEMU."""
        found = self.get(guest_id)
        domain = self._domains.find(guest_id)
        if domain is None or not self._domains.is_active(domain):
            raise GuestIsOff
        return found.power_state

    def _boot(self, spec: GuestSpec, work: Work, *, from_memory: bool = False) -> None:
        """Start the guest anew as it is specified now; ``from_memory``: as it was when it was saved."""
        files = self.storage.files(spec.id)
        if not files.complete_for(spec):
            raise GuestNotFound("The guest's disks are not on the host.", detail=str(files.home))
        work.checkpoint()
        spec = self.entries.through(spec)
        uid = self.storage.hand_over(files, spec)
        self._plugging.tell_secrets(spec.disks)
        if not from_memory:
            self._domains.define(self._xml(spec, files, uid))
            self._domains.forget_saved(spec.id)
        work.checkpoint()
        self._domains.start(spec.id)
        self._plugging.hold_on(spec.id, spec.disks)

    def _write_boot_files(
        self, spec: GuestSpec, files: GuestFiles, images: Mapping[str, Path]
    ) -> None:
        if spec.config_drive is not None:
            with host_errors():
                draft = self.storage.draft(files, files.config_drive.name)
                config_drive.build(spec.config_drive, draft)
            self.storage.move_in(draft, files, files.config_drive)
        if spec.direct_boot is not None:
            self.storage.link(image_of(spec.direct_boot.kernel, images), files, files.kernel)
            if spec.direct_boot.ramdisk is not None:
                self.storage.link(image_of(spec.direct_boot.ramdisk, images), files, files.ramdisk)

    def _xml(self, spec: GuestSpec, files: GuestFiles, uid: int) -> str:
        return xml.domain_xml(spec, files.of(spec, uid), self._platform)

    def _forget(self, guest_id: str, name: str) -> None:
        """Undefine the domain, and remove what libvirt noted about its QEMU where it may be."""
        self._domains.undefine(guest_id)
        private = self.daemon.is_private()
        directory = self.daemon.home / "log" if private else Path("/var/log/libvirt")
        with suppress(OSError):
            (directory / "qemu" / f"{name}.log").unlink()

    def attach_disk(self, ref: GuestRef, disk: GuestDisk, *, work: Work) -> None:
        """Plug the disk in, now where the guest runs, and for its next start."""
        with self._watcher.order(ref.id):
            disk = self._reach.let_in(ref.id, disk, work=work)
            self._plugging.plug(ref.id, disk, work=work)
            self._plugging.hold_on(ref.id, [disk])

    def detach_disk(self, ref: GuestRef, serial: str, *, timeout: float, work: Work) -> None:
        """Ask the guest for the disk until it lets go of it."""
        with self._watcher.order(ref.id):
            self._plugging.check(ref.id)
            self._plugging.unplug(ref.id, serial, timeout=timeout, work=work)
            self.entries.drop(ref.id, serial)

    def resize_disk(self, ref: GuestRef, serial: str, size: int, *, work: Work) -> None:
        """Tell a running guest; one that is off sees it when it starts."""
        with self._watcher.order(ref.id):
            self._plugging.check(ref.id)
            self.entries.renew(ref.id, serial)
            self._plugging.resize(ref.id, serial, size, work=work)

    def mirror_disk(self, ref: GuestRef, disk: GuestDisk, *, work: Work) -> None:
        """Let QEMU write to both."""
        self._swapping.mirror(ref.id, disk, work=work)

    def swap_disk(
        self, ref: GuestRef, disk: GuestDisk, *, decided: Callable[[], None], work: Work
    ) -> None:
        """Let QEMU go over."""
        with self._watcher.order(ref.id):
            self._swapping.swap(ref.id, disk, decided=decided, work=work)

    def end_mirror(self, ref: GuestRef, serial: str, target: str, *, work: Work) -> None:
        """Let QEMU write to what it has alone."""
        self._swapping.end(ref.id, serial, target, work=work)

    def tend_disks(self) -> None:
        """Start again what leads to volumes of other hosts, and who waits for room."""
        self.entries.tend()
        self._stalls.end()

    def freeze(self, ref: GuestRef, *, timeout: int, work: Work) -> None:
        """Ask the agent in the guest."""
        work.checkpoint()
        self._file_systems.freeze(ref.id, timeout=timeout)

    def thaw(self, ref: GuestRef, *, timeout: int) -> int:
        """Ask the agent in the guest, where one runs."""
        return self._file_systems.thaw(ref.id, timeout=timeout)

    # -- questions

    def attached_disks(self, guest_id: str) -> Mapping[str, int]:
        """Return the disks that the domain has by their serials."""
        self._plugging.check(guest_id)
        return self._plugging.sizes(guest_id)

    def get(self, guest_id: str) -> GuestState:
        """Return the guest."""
        return self._domains.get(guest_id)

    def list(self) -> Sequence[GuestState]:
        """Return the guests of this installation."""
        return self._all()

    def traces(self) -> Sequence[str]:
        """Return the guests that have a home here."""
        return self.storage.guests()

    def _all(self) -> List[GuestState]:
        return self._domains.all()

    def inventory(self) -> HostInventory:
        """Return the host's capacity and guests. The version is QEMU's: 7.2.0 is 7002000."""
        able = [
            name for name in capabilities(self) if name != "vnc_console" or self._platform.screens
        ]
        return HostInventory(
            driver="libvirt",
            capabilities=tuple(able),
            hypervisor_type="QEMU",
            hypervisor_version=self._facts.version,
            cpu_model=self._facts.cpu_model,
            accelerated=self._platform.accelerated,
            vcpus=self._facts.vcpus,
            ram=self._facts.ram,
            disk=self.storage.total() // GIB,
            guests=tuple(self.list()),
            traits=tuple(sorted(self._traits | traits.of_capabilities(able))),
            cells=self._facts.cells,
        )

    def load(self) -> HostLoad:
        """Return what the kernel says is free."""
        return HostLoad(
            ram_free=memory("MemAvailable") // MIB,
            disk_free=self.storage.free() // GIB,
            guests=len(self.storage.guests()),
        )

    def console_output(self, ref: GuestRef, *, length: int | None) -> bytes:
        """Return the end of the serial log."""
        if self._domains.find(ref.id) is None:
            raise GuestNotFound
        with host_errors():
            return console.tail(self.storage.files(ref.id).console_log, length)

    def trim_logs(self) -> None:
        """Cut serial logs that outgrew their limit."""
        with host_errors():
            for guest in self.storage.guests():
                console.trim(self.storage.files(guest).console_log)

    def _may_accelerate(self) -> bool:
        if not probe.kvm_works(self.state_dir, self._probe_kernel):
            return False
        with self.connection.use() as connection:
            try:
                connection.getDomainCapabilities(None, "x86_64", "q35", "kvm")
            except libvirt.libvirtError as error:
                log.warning("KVM works, but libvirt does not offer it", detail=str(error))
                return False
        return True
