"""``python -m benchmarks.guest_volumes``: how fast a real guest reads and writes its volumes.

Beside a disk of the guest's own (the same QEMU on a bare file, past the page cache), in turn: a volume of its host
on a socket, and one of another host over TLS. A figure is its speed as a part of the own disk's, in the same minute:
best against best, and the median of what the rounds say, each of which measures all ways. The goals are for all of a
way's patterns together, the geometric mean of their medians, which comes last. The demo guest has no fio:
several ``dd`` at a time keep as many requests on their way; with more of them the ways wake less often for each,
which is much of what one costs. What the processors did for a request, and who, says more where others use the
machine, too.
"""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from benchmarks.figures import Figure, heading
from benchmarks.volume_files import seconds_of
from cloudweb import process
from cloudweb.driver import Unguarded
from compute.objects import DiskSource, GuestDisk, GuestSpec
from operations.certificates import Authority, new_authority, write_certificate
from tests.builders.guest_console import GuestConsole
from tests.builders.guests import ref
from tests.builders.libvirt_bench import MIB, LibvirtBench, qemu_pids_of, spawn
from tests.builders.volume_bench import FileBench, export_of

WORK = Unguarded()
SIZE = 256 * MIB
REQUESTS = 4000  # in a round
ROUNDS = 5  # of each way, in turn
GOALS = {"socket": 0.95, "TLS": 0.8}
READ = "dd if={device} of=/dev/null bs={size}k count={count} skip=$at iflag=direct"
WRITE = "dd if=/dev/zero of={device} bs={size}k count={count} seek=$at oflag=direct"
KINDS = (  # what, the command for one of those at a time, KiB of a request, how many at a time
    ("read, 64 KiB", READ, 64, 4),
    ("write, 64 KiB", WRITE, 64, 4),
    ("read, 4 KiB", READ, 4, 4),
    ("write, 4 KiB", WRITE, 4, 4),
    ("read, 64 KiB, 16 at a time", READ, 64, 16),
    ("write, 4 KiB, 16 at a time", WRITE, 4, 16),
)


class Ways:
    """A guest with one disk for each way."""

    def __init__(self, stack: ExitStack) -> None:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="b", dir="/tmp")))
        home.chmod(0o711)
        self.host = LibvirtBench()
        stack.callback(self.host.close)
        authority = Authority(new_authority())
        write_certificate(authority, "h1", home / "h1")
        tls = self.host.driver.state_dir.parent / "credentials" / "tls"
        write_certificate(authority, "h2", tls)
        self.storage = FileBench(home / "h1")
        self.storage.directory.chmod(0o711)
        stack.callback(self.storage.close)
        own = GuestDisk(name="own", size=SIZE)
        spec = self.host.make_guest()
        self.guest: GuestSpec = spec.model_copy(update={"disks": (*spec.disks, own)})
        spawn(self.host, self.guest)
        stack.callback(self.host.destroy, self.guest.id)
        self.host.wait_for_boot(self.guest)
        self.serials = {"socket": self._attach("h1"), "TLS": self._attach("h2")}

    def _attach(self, to_host: str) -> str:
        volume = self.storage.spec(size=SIZE)
        self.storage.driver.create(volume, image=None, work=WORK)
        told = self.storage.driver.export(export_of(volume, to_host), work=WORK)
        named: dict[str, Any] = {"path": told.path}
        if told.kind == "nbd_tls":
            named = {"address": told.address, "port": told.port, "tls_name": told.tls_name}
        source = DiskSource(kind=told.kind, export=told.export, **named)
        serial = str(uuid.UUID(volume.ref.id))
        disk = GuestDisk(name=serial, size=SIZE, source=source, serial=serial)
        self.host.driver.attach_disk(ref(self.guest), disk, work=WORK)
        return serial

    def figures(self) -> Iterator[Figure]:
        """Measure all ways."""
        with GuestConsole(self.host.driver.storage.files(self.guest.id).console_socket) as shell:
            devices = {"file": "/dev/vdb"}
            for name, serial in self.serials.items():
                find = f"grep -l {serial[:20]} /sys/block/vd*/serial 2>/dev/null"
                shell.run(f"until {find}; do sleep 0.2; done")
                devices[name] = f"/dev/{shell.run(find).split('/')[3]}"
            for device in devices.values():  # their clusters are there, as after a while of use
                shell.run(f"dd if=/dev/zero of={device} bs=1M conv=fsync 2>/dev/null || true")
            usual: dict[str, list[float]] = {name: [] for name in GOALS}
            for what, command, size, abreast in KINDS:
                rounds = []
                used = dict.fromkeys(devices, dict.fromkeys(self.parties(), 0.0))
                for _ in range(ROUNDS):
                    took = {}
                    for name, device in devices.items():
                        before = self.parties()
                        took[name] = _seconds(shell, command, device, size, abreast)
                        after = self.parties()
                        each = {one: after[one] - before[one] for one in after}
                        used[name] = {one: used[name][one] + each[one] for one in each}
                    rounds.append(took)
                for name, ratios in usual.items():
                    ratios.append(median(one["file"] / one[name] for one in rounds))
                latest = {name: ratios[-1] for name, ratios in usual.items()}
                yield from _said(what, rounds, latest)
                for name, each in used.items():
                    work = {one: 1e6 * each[one] / (ROUNDS * REQUESTS) for one in each}
                    parts = ", ".join(f"{one} {value:.0f}" for one, value in work.items())
                    yield Figure(f"  {name}: CPU of a request ({parts})", sum(work.values()), "us")
            yield from _together(usual)

    def parties(self) -> dict[str, float]:
        """Return what each has had of the processors until now, in seconds."""
        guests = qemu_pids_of(self.host.driver.state_dir / "guests")
        daemons = process.running("qemu-storage-daemon", f"{self.storage.directory}/")
        entries = self.host.driver.entries.processes()
        return {
            "guest": sum(map(seconds_of, guests)),
            "way in": sum(map(seconds_of, entries)),
            "daemon": sum(map(seconds_of, daemons)),
        }


def _said(
    what: str, rounds: list[dict[str, float]], usual: Mapping[str, float]
) -> Iterator[Figure]:
    best = {name: min(one[name] for one in rounds) for name in rounds[0]}
    yield Figure(f"{what}: the guest's own disk", 1000 * best["file"], "ms")
    for name, goal in GOALS.items():
        yield Figure(f"  {name}, of its speed: best", best["file"] / best[name], "")
        yield Figure("    median", usual[name], "", goal=goal, at_least=True)


def _together(usual: Mapping[str, Sequence[float]]) -> Iterator[Figure]:
    """Say each way's speed over all patterns."""
    for name, ratios in usual.items():
        what = f"{name}, of its speed: mean of {len(ratios)} patterns"
        yield Figure(what, geometric_mean(ratios), "", goal=GOALS[name], at_least=True)


def _seconds(shell: GuestConsole, command: str, device: str, size: int, abreast: int) -> float:
    """Return what all take that work at a time, each in a part of its own, by the guest's clock."""
    part = SIZE // (size * 1024) // abreast
    places = " ".join(str(number * part) for number in range(abreast))
    one = command.format(device=device, size=size, count=REQUESTS // abreast)
    work = f"for at in {places}; do {one} 2>/dev/null || touch /tmp/failed & done; wait"
    said = shell.run(f"read a b </proc/uptime; {work}; read c d </proc/uptime; echo $a $c")
    shell.run("test ! -e /tmp/failed")
    begun, ended = map(float, said.split())
    return max(ended - begun, 0.01)


def main() -> int:
    """Measure and print as it comes."""
    print(heading(), flush=True)
    with ExitStack() as stack:
        for figure in Ways(stack).figures():
            print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
