"""The phases of a live migration, each held still by an agent that is frozen; and who dies in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from tests.infrastructure import wait_until
from tests.live_deaths.hosts import FAST, SLOW, AtArrival, freeze, kill, thaw
from tests.live_deaths.journey import Voyager, Way

Frozen = list[int]
#: Begin a journey and hold it in a phase; return it and the pids that stand still.
Phase = Callable[[Voyager], tuple[Way, Frozen]]
#: The pids that die.
Victim = Callable[[Voyager, Way], Sequence[int]]


def checks(voyager: Voyager) -> tuple[Way, Frozen]:
    """The new host may have looked, the old one has not."""
    here = voyager.hosts[voyager.row().hypervisor_hostname]
    frozen = freeze(here.agents())
    way = voyager.begin()
    voyager.reaches("check_source", "STARTED")
    return way, frozen


def preparing(voyager: Voyager) -> tuple[Way, Frozen]:
    """The new host is at it."""
    way = voyager.begin()
    voyager.reaches("prepare", "STARTED", "DONE")
    return way, freeze(way.there.agents())


def prepared(voyager: Voyager) -> tuple[Way, Frozen]:
    """The new host listens, the old one was told nothing."""
    way = voyager.begin()
    voyager.reaches("stand_by", "DONE")  # the old host may serve the volume of its root
    frozen = freeze(way.source.agents())
    try:
        voyager.reaches("live_migrate", "STARTED")
    except BaseException:
        thaw(frozen)
        raise
    return way, frozen


def moving(voyager: Voyager) -> tuple[Way, Frozen]:
    """Some of it is on its way."""
    way = voyager.begin()
    voyager.reaches("live_migrate", "STARTED")
    wait_until(
        lambda: way.source.has_sent(voyager.server.id, "disk", "memory"), what="some of it was sent"
    )
    way.source.set_speed(voyager.server.id, SLOW)  # it shall not be over before somebody is ready
    return way, []


def switched(voyager: Voyager) -> tuple[Way, Frozen]:
    """It runs on its new host, which was not asked yet."""
    way, _ = moving(voyager)
    frozen = freeze(way.there.agents())
    try:
        way.source.set_speed(voyager.server.id, FAST)
        voyager.reaches("live_migrate", "DONE")
    except BaseException:
        thaw(frozen)
        raise
    return way, frozen


def decided(voyager: Voyager) -> tuple[Way, Frozen]:
    """All rows say that it is on its new host, which keeps it just now."""
    way, frozen = switched(voyager)
    thaw(frozen)
    voyager.reaches("decide", "DONE")
    return way, freeze(way.there.agents())


def cleanup(voyager: Voyager) -> tuple[Way, Frozen]:
    """The new host has it; the old one was told nothing yet."""
    way, frozen = switched(voyager)
    held = freeze(way.source.agents())
    thaw(frozen)
    voyager.reaches("finish_there", "DONE")
    voyager.reaches("finish_source", "STARTED")
    return way, held


PHASES: Mapping[str, Phase] = {
    "moving": moving,
    "switched": switched,
    "cleanup": cleanup,
    "prepared": prepared,
    "preparing": preparing,
    "decided": decided,
    "checks": checks,
}
#: Libvirt of the new host says that the guest runs: who dies, dies before anybody else heard it.
SWITCH = "switch"


def _control(voyager: Voyager, way: Way) -> Sequence[int]:
    said = (voyager.cloud.var / "run" / "children" / "control").read_text()
    return [int(said.split()[0])]


VICTIMS: Mapping[str, Victim] = {
    "source agent": lambda voyager, way: way.source.agents(),
    "new agent": lambda voyager, way: way.there.agents(),
    "control": _control,
    "source libvirtd": lambda voyager, way: way.source.libvirtd(),
    "new libvirtd": lambda voyager, way: way.there.libvirtd(),
    "source QEMU": lambda voyager, way: way.source.qemu(voyager.server.id),
    "new QEMU": lambda voyager, way: way.there.qemu(voyager.server.id),
}
#: Who is not there yet, or not any more.
ABSENT = frozenset(
    {
        *(("new QEMU", phase) for phase in ("checks", "preparing", "prepared")),
        *(("source QEMU", phase) for phase in ("switched", "decided", "cleanup")),
    }
)

#: What the suite runs of all: who dies where most was found to be wrong.
FEW = (
    (SWITCH, "new libvirtd"),
    (SWITCH, "source QEMU"),
    (SWITCH, "control"),
    ("moving", "source libvirtd"),
    ("switched", "new agent"),
)


def die(voyager: Voyager, phase: str, victim: str) -> Way:
    """Let a victim die in a phase; everybody else goes on."""
    if phase == SWITCH:
        way, _ = moving(voyager)
        doomed = AtArrival(way.there, voyager.server.id, VICTIMS[victim](voyager, way))
        way.source.set_speed(voyager.server.id, FAST)
        wait_until(doomed.fired.is_set, what="it runs on its new host")
        return way
    way, frozen = PHASES[phase](voyager)
    try:
        pids = VICTIMS[victim](voyager, way)
        assert pids, f"{victim} is not there in {phase}"
        kill(pids)
    finally:
        thaw(frozen)
    return way


def dies(voyager: Voyager, phase: str, victim: str) -> str:
    """Let a victim die in a phase, and see that all is well afterwards; say how that went."""
    began, damaged = time.monotonic(), len(voyager.damage)
    way = die(voyager, phase, victim)
    said = voyager.ends(way)
    took = time.monotonic() - began
    went = said["status"] == "completed"
    # libvirt may find that a guest died before its switch was over: the old host's goes on
    died = had_it(phase, victim) and (went or phase != SWITCH)
    where = voyager.is_whole(died=died)
    assert where == (way.there if went else way.source).name, (said["status"], where)
    voyager.all_agree(where)
    rebooted = ", rebooted: its memory came damaged" if len(voyager.damage) > damaged else ""
    return (
        f"{phase}, {victim}: {said['status']}, {way.source.name} -> {way.there.name}, on {where}, "
        f"over after {took:.1f} s, all told {time.monotonic() - began:.1f} s{rebooted}"
    )


def had_it(phase: str, victim: str) -> bool:
    """Tell whether the QEMU that dies has the guest."""
    over = phase in (SWITCH, "switched", "decided", "cleanup")
    return victim == ("new QEMU" if over else "source QEMU")
