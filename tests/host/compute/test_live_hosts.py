"""A guest goes between two hosts of real libvirt and QEMU, and something dies on its way."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compute.drivers.live import OtherHostKnows
from compute.live_objects import (
    DestinationCheck,
    LiveRequest,
    LiveResult,
    PrepareRequest,
    SourceCheck,
)
from compute.objects import GuestSpec
from compute.topology_objects import GuestCell
from operations.certificates import Authority, new_authority, write_certificate
from tests.builders import libvirt_knowledge
from tests.builders.demo_image import demo_image
from tests.builders.guests import ref
from tests.builders.libvirt_bench import BOOT_SECONDS, MIB, READY, LibvirtBench, qemu_pids_of
from tests.builders.live_host import LiveHost
from tests.infrastructure import wait_until

pytestmark = pytest.mark.host
SLOW = 16 * MIB  # a second: so that there is a way on which something can happen


def pinned_to(processor: int) -> GuestCell:
    """A guest's one cell, whose processor is its own."""
    return GuestCell(cpus=(0,), ram=128, host_cell=0, pins=(processor,))


class Pair:
    """Two hosts and a guest that has a kernel beside its disk."""

    def __init__(self, home: Path) -> None:
        self.home, signer = home, Authority(new_authority())
        self.spec = LibvirtBench.make_guest(name="live", cells=(pinned_to(0),))
        built = demo_image()
        images = {"demo": "demo.qcow2", "kernel": "vmlinuz", "ramdisk": "initrd.img"}
        self.images = {name: home / name for name in images}
        for name, file in images.items():
            shutil.copy(built / file, home / name)
        for name in ("ha", "hb"):
            write_certificate(signer, name, home / name / "credentials" / "tls")
            libvirt_knowledge.give(home / name / "state")
        self.here, self.there = LiveHost("ha", home / "ha"), LiveHost("hb", home / "hb")
        self.hosts = (self.here, self.there)

    def start(self) -> None:
        for host in self.hosts:
            host.start()
        self.here("spawn", self.spec, images=self.images, works=True)
        wait_until(
            lambda: READY in self.here("console_output", ref(self.spec), length=None),
            timeout=BOOT_SECONDS, what="it boots",
        )  # fmt: skip

    @property
    def spec_there(self) -> GuestSpec:
        """The guest as the new host has it: on another processor, where there are two."""
        return self.spec.model_copy(update={"cells": (pinned_to((os.cpu_count() or 1) - 1),)})

    def states(self) -> tuple[str, str]:
        """Return what it is on the host that it leaves, and on the other one."""
        here, there = (host("who_runs", ref(self.spec)).state for host in (self.here, self.there))
        return here, there

    def go(self, *, bandwidth: int = 0, on_way: Callable[[], None] | None = None) -> LiveResult:
        """Let it go there; something happens once it is on its way."""
        spec = self.spec_there
        there = self.there(
            "check_destination", DestinationCheck(spec=spec, source_host=self.here.name), works=True
        )
        here = self.here(
            "check_source",
            SourceCheck(spec=self.spec, dest_host=self.there.name, destination=there),
            works=True,
        )
        assert not there.reasons
        assert not here.reasons
        offer = self.there(
            "pre_live_migration",
            PrepareRequest(spec=spec, source_host=self.here.name, disks=here.disks),
            images=self.images,
            works=True,
        )
        request = LiveRequest(
            spec=spec, dest_host=self.there.name, offer=offer, disks=here.disks, deadline=60,
            bandwidth=bandwidth,
        )  # fmt: skip
        if on_way is not None:
            threading.Thread(target=self._when_it_moves, args=[on_way], daemon=True).start()
        return self.here("live_migrate", request, works=True)

    def _when_it_moves(self, act: Callable[[], None]) -> None:
        wait_until(lambda: self.states()[1] == "paused_incoming", what="it is on its way")
        act()

    def arrive(self) -> None:
        """Do what the saga does with one that came."""
        self.there("post_live_migration_at_destination", self.spec_there, works=True)
        self.here("post_live_migration", ref(self.spec), works=True)
        assert self.states() == ("absent", "running")

    def stays(self, result: LiveResult) -> None:
        """It did not go, and nothing of it is left there."""
        assert result.outcome == "aborted", result
        self.there("rollback_live_migration_at_destination", ref(self.spec), works=True)
        assert self.states() == ("running", "absent")
        assert self.there("tunnels.census") == []


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    home = Path(tempfile.mkdtemp(prefix="cw-live-", dir="/var/tmp"))
    made = Pair(home)
    try:
        made.start()
        yield made
    finally:
        for host in made.hosts:
            host.end()
        shutil.rmtree(home)


def test_what_happens_to_it_on_its_way(pair: Pair) -> None:
    result = pair.go(bandwidth=SLOW, on_way=lambda: pair.here("abort_live", ref(pair.spec)))
    assert result.reason == "asked"
    pair.stays(result)

    def kill_its_copy() -> None:
        (pid,) = qemu_pids_of(pair.there.home / "state" / "guests")
        os.kill(pid, signal.SIGKILL)

    pair.stays(pair.go(bandwidth=SLOW, on_way=kill_its_copy))

    # the new host's libvirt dies as soon as it runs there: nobody tells the old host so
    pair.there("kill_at_arrival")
    with pytest.raises(OtherHostKnows):
        pair.go()
    assert pair.states() == ("paused_outgoing", "running")
    pair.arrive()
    (pid,) = qemu_pids_of(pair.there.home / "state" / "guests")
    assert os.sched_getaffinity(pid) == {*pair.spec_there.cells[0].pins}

    for host in pair.hosts:
        assert host("tunnels.census") == []
