"""A real guest on a volume that another host serves: TLS, a way in of its own, and whoever dies."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import Unguarded
from compute.objects import DiskSource, GuestDisk, GuestSpec
from operations.certificates import Authority, new_authority, write_certificate
from tests.builders.guest_console import GuestConsole
from tests.builders.guests import ref
from tests.builders.libvirt_bench import MIB, LibvirtBench, spawn
from tests.builders.volume_bench import FileBench, export_of, snapshot_of, unexport_of
from volume.agent import VolumeAgent
from volume.objects import ResizeRequest

WORK = Unguarded()
SIZE = 16 * MIB


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@pytest.fixture
def storage(host: LibvirtBench, tmp_path: Path) -> Iterator[FileBench]:
    """Host h1, which serves volumes; the guest's host is h2."""
    authority = Authority(new_authority())
    write_certificate(authority, "h1", tmp_path / "h1")
    write_certificate(authority, "h2", host.driver.state_dir.parent / "credentials" / "tls")
    made = FileBench(tmp_path / "h1")
    yield made
    made.close()


@pytest.fixture
def guest(host: LibvirtBench) -> Iterator[GuestSpec]:
    """A guest that is up."""
    spec = host.make_guest()
    spawn(host, spec)
    host.wait_for_boot(spec)
    yield spec
    host.destroy(spec.id)
    assert list(host.driver.entries.census()) == []


def test_what_a_guest_wrote_to_another_hosts_volume_is_there_whoever_dies(
    host: LibvirtBench, guest: GuestSpec, storage: FileBench
) -> None:
    images: Any = None
    agent = VolumeAgent({"file": storage.driver}, images, storage.directory / "agent")
    agent.start_guests(lambda scope: _nothing())
    volume = storage.spec(size=SIZE)
    agent.create(volume, WORK)
    request = export_of(volume, "h2")
    told = agent.export(request, WORK)
    source = DiskSource(
        kind="nbd_tls", address=told.address, port=told.port, export=told.export, tls_name="h1"
    )
    serial = str(uuid.UUID(volume.ref.id))
    disk = GuestDisk(name="data", size=SIZE, source=source, serial=serial)
    host.driver.attach_disk(ref(guest), disk, work=WORK)
    device = f"/dev/$(grep -l {serial[:20]} /sys/block/vd*/serial | cut -d/ -f4)"
    console = GuestConsole(host.driver.storage.files(guest.id).console_socket)
    with console as shell:

        def wait_for(condition: str) -> None:
            shell.run(f"until {condition}; do sleep 0.2; done")

        def write(at: int) -> None:
            shell.run(
                f"rm -f /tmp/w; (dd if=/tmp/a of={device} bs=1M seek={at} conv=fsync && touch /tmp/w) & true"
            )

        wait_for(f"grep -q {serial[:20]} /sys/block/vd*/serial 2>/dev/null")
        shell.run("dd if=/dev/urandom of=/tmp/a bs=1M count=3")
        digest = shell.run("md5sum </tmp/a")
        write(0)
        wait_for("test -e /tmp/w")

        snapshot = snapshot_of(volume)
        agent.snapshot(snapshot, WORK)
        pid = process.read_pid(storage.driver.daemons._pid_file(volume.ref.id))
        process.kill([pid or 0], exe="qemu-storage-daemon")  # what serves the volume
        write(3)
        agent.serve()
        wait_for("test -e /tmp/w")
        for pid in host.driver.entries.processes():  # the guest's way in
            os.kill(pid, signal.SIGKILL)
        write(6)
        host.driver.tend_disks()
        wait_for("test -e /tmp/w")

        agent.resize(ResizeRequest(volume=volume.ref, size=2 * SIZE), WORK)
        host.driver.resize_disk(ref(guest), serial, 2 * SIZE, work=WORK)
        wait_for(f"test $(cat /sys/block/$(basename {device})/size) = {2 * SIZE // 512}")
        write(20)
        wait_for("test -e /tmp/w")
        for skip in (0, 3, 6, 20):
            read = f"dd if={device} bs=1M skip={skip} count=3 2>/dev/null | md5sum"
            assert shell.run(read) == digest

    host.driver.detach_disk(ref(guest), serial, timeout=60, work=WORK)
    agent.unexport(unexport_of(request), WORK)
    copy = storage.spec(size=SIZE, source=snapshot)
    agent.create(copy, WORK)
    found = {}
    for spec in (volume, copy):
        file = storage.driver.files.get(spec.ref.id)
        plain = storage.directory / "plain"
        process.run(
            "qemu-img", "convert", "-f", file.format, "-O", "raw", str(file.path), str(plain)
        )
        data = plain.read_bytes()
        found[spec.ref.id] = [data[at * MIB : (at + 3) * MIB] for at in (0, 3, 6, 20)]
    first, *others = found[volume.ref.id]
    assert others == [first] * 3
    assert any(first)
    assert found[copy.ref.id] == [first, bytes(3 * MIB), bytes(3 * MIB), b""]
