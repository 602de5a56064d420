"""LibvirtDriver with a private libvirtd of the test's own, and what is left of it at the end."""

from __future__ import annotations

import base64
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import Unguarded
from compute.drivers.libvirt import LibvirtDriver
from compute.drivers.libvirt.daemon import Daemon
from compute.objects import ConfigDrive, DirectBoot, GuestDisk, GuestRef, GuestSpec
from tests.builders import libvirt_knowledge
from tests.builders.demo_image import demo_image
from tests.builders.guests import make_guest, make_image
from tests.builders.nbd import Volume

BOOT_SECONDS = 300.0
READY = rb"demo-guest: boot complete"
MIB = 1024**2


class LibvirtBench:
    """A host in scratch directories: short paths, since sockets are in them.

    They are closed to other users, as a data directory under /root is.
    """

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="cw-virt-", dir="/var/tmp"))
        self.state_dir, self.run_dir = self.home / "state", self.home / "run"
        built = demo_image()
        cache = self.home / "images"
        cache.mkdir(mode=0o700)  # as the cache of images has it
        self.images = {}
        for name, file in (
            ("demo", "demo.qcow2"),
            ("kernel", "vmlinuz"),
            ("ramdisk", "initrd.img"),
        ):
            shutil.copy(built / file, cache / name)
            self.images[name] = cache / name
        self.news: list[tuple[str, str]] = []
        self.boots_seen: dict[str, int] = {}
        self._volumes: list[Volume] = []
        self.driver = self.make_driver()
        libvirt_knowledge.give(self.state_dir)
        self.start()
        libvirt_knowledge.keep(self.state_dir)

    def make_driver(self) -> LibvirtDriver:
        """Return a driver over this host's state that is not started."""
        return LibvirtDriver(self.state_dir, "h1", "private", run_dir=self.run_dir)

    def start(self) -> None:
        """Start the driver; what it tells is in ``news``."""
        self.driver.start(lambda guest_id, power_state: self.news.append((guest_id, power_state)))

    def restart(self) -> None:
        """Let another driver take over."""
        self.driver.stop()
        self.driver = self.make_driver()
        self.start()

    def files_of(self, spec: GuestSpec) -> set[str]:
        """Return the names of what is in the guest's home."""
        return {path.name for path in self.driver.storage.files(spec.id).home.iterdir()}

    @contextmanager
    def open_to_the_machine(self) -> Iterator[None]:
        """Open the directory above this host's own to all users."""
        self.home.chmod(0o755)
        yield
        self.home.chmod(0o700)

    @staticmethod
    def make_guest(**overrides: Any) -> GuestSpec:
        """Return a demo guest that boots directly, without cards, metadata from its config drive."""
        spec = make_guest(
            disks=(GuestDisk(image=make_image(virtual_size=67 * MIB), size=128 * MIB),),
            direct_boot=DirectBoot(
                kernel=make_image(id="kernel", disk_format="raw"),
                ramdisk=make_image(id="ramdisk", disk_format="raw"),
                cmdline="console=ttyS0 quiet mitigations=off tsc=unstable random.trust_cpu=on",
            ),
        )
        metadata = json.dumps({"uuid": spec.id, "hostname": "bench"}).encode()
        drive = ConfigDrive(
            files={"openstack/latest/meta_data.json": base64.b64encode(metadata).decode()}
        )
        return spec.model_copy(update={"config_drive": drive, **overrides})

    def make_disk(self) -> GuestDisk:
        """Return a disk that a storage daemon serves until the bench is closed."""
        volume = Volume(16 * MIB)
        self._volumes.append(volume)
        return volume.disk

    def storage_guests(self) -> list[str]:
        """Return the ids of all guests there is a domain or a file of."""
        return sorted(
            {guest.id for guest in self.driver.list()} | set(self.driver.storage.guests())
        )

    def destroy(self, guest_id: str) -> None:
        """Take a guest away, whatever is left of it."""
        self.driver.destroy(GuestRef(id=guest_id, name=guest_id), work=Unguarded())

    def log(self, spec: GuestSpec) -> bytes:
        """Return the guest's serial output."""
        ref = GuestRef(id=spec.id, name=spec.name)
        return self.driver.console_output(ref, length=None)

    def wait_for_boot(self, spec: GuestSpec) -> None:
        """Wait for one more boot than was seen before."""
        wanted = self.boots_seen.get(spec.id, 0) + 1
        self.wait_until(
            lambda: len(re.findall(READY, self.log(spec))) >= wanted,
            lambda: self.log(spec)[-2000:].decode(errors="replace"),
        )
        self.boots_seen[spec.id] = wanted

    def wait_until(
        self, ready: Callable[[], object], why: Callable[[], object] = lambda: ""
    ) -> None:
        """Poll until true; fail after the time a guest may need to boot on a busy machine."""
        deadline = time.monotonic() + BOOT_SECONDS
        while not ready():
            assert time.monotonic() < deadline, why()
            time.sleep(0.1)

    def qemu_pids(self) -> list[int]:
        """Return the QEMU processes that find this host's guests where guests are."""
        return qemu_pids_of(self.state_dir / "guests")

    def census(self) -> Sequence[str]:
        """Return everything that is left of any guest."""
        left = [f"process {pid}" for pid in self.qemu_pids()]
        left += [f"domain {guest.name}" for guest in self.driver.list()]
        definitions = self.state_dir / "libvirt" / "etc" / "qemu"
        for directory in (
            *(self.state_dir / name for name in ("guests", "consoles", "drafts")),
            self.run_dir / "consoles",
            self.state_dir / "libvirt" / "log" / "qemu",
        ):
            left += [str(path) for path in directory.rglob("*")]
        return left + [str(path) for path in definitions.glob("*.xml")]

    def close(self) -> None:
        """Take all away, the daemon too; prove it."""
        try:
            self.driver.delete_everything()
            assert self.qemu_pids() == []
        finally:
            for volume in self._volumes:
                volume.close()
            for pid in self.qemu_pids():
                process.stop(pid, exe=f"/proc/{pid}/exe")
            self.driver.stop()
            self.driver.daemon.stop()
            shutil.rmtree(self.home, ignore_errors=True)


def qemu_pids_of(guests: Path) -> list[int]:
    """Return the QEMU processes of a private libvirtd whose guests are in this directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        seen = entry / "root" / Daemon.GUESTS.relative_to("/")
        try:
            exe = str((entry / "exe").readlink())
            if "qemu-system" in exe and seen.samefile(guests):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def spawn(bench: LibvirtBench, spec: GuestSpec) -> None:
    """Spawn without anybody who could interrupt."""
    bench.driver.spawn(spec, images=bench.images, work=Unguarded())
