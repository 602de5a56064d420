"""How a running guest's definition becomes the one of its new host, and the ladder by which it gets there."""

from __future__ import annotations

from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
import time_machine

from cloudweb.driver import DriverError, Interrupted, Unguarded
from compute.drivers.libvirt.live import HALTED, Settled
from compute.drivers.libvirt.live_definition import arriving, processor, targets
from compute.drivers.libvirt.live_job import LiveJob, seen
from compute.drivers.libvirt.live_ladder import Ladder
from compute.live_objects import LiveOffer, LiveRequest, RunsHere, RunsState
from compute.live_progress import LiveProgress
from tests.builders.guests import make_guest

LIVE = """<domain type='qemu' id='3'><name>g</name><uuid>u</uuid><metadata><i owner='ha'/></metadata>
<os><type machine='pc-q35-7.2'>hvm</type><kernel>/a/kernel</kernel></os><devices>
<disk type='file'><driver cache='none'/><source file='/a/x/root.qcow2'/><backingStore type='file'>
<source file='/a/x/root.base'/></backingStore><target dev='vda'/><address slot='7'/></disk>
<disk type='network'><source protocol='nbd' name='v'><host socket='/a/v'/></source><target dev='vdc'/>
<serial>volume</serial></disk>
<interface type='ethernet'><mac address='FA:16:3e:00:00:01'/><target dev='tapa'/><address slot='8'/></interface>
<serial type='unix'><source path='/a/c.sock'/><log file='/a/c.log'/><target port='0'/></serial>
<graphics type='vnc'><listen socket='/a/x/screen'/></graphics></devices>
<seclabel><label>+1:+2</label></seclabel></domain>"""
OFFERED = """<domain type='kvm'><name>g</name><uuid>u</uuid><metadata><i owner='hb'/></metadata>
<os><type machine='q35'>hvm</type><kernel>/b/kernel</kernel></os><devices>
<disk type='file'><driver cache='writeback'/><source file='/b/x/root.qcow2'/><target dev='vda'/></disk>
<disk type='network'><source protocol='nbd' name='v'><host socket='/b/v'/></source><target dev='vdb'/>
<serial>volume</serial></disk>
<interface type='ethernet'><mac address='fa:16:3e:00:00:01'/><target dev='tapb'/></interface>
<serial type='unix'><source path='/b/c.sock'/><log file='/b/c.log'/><target port='0'/></serial>
<graphics type='vnc'><listen socket='/b/x/screen'/></graphics></devices>
<seclabel><label>+3:+4</label></seclabel></domain>"""


def test_hardware_stays_and_what_it_leads_to_is_the_new_hosts() -> None:
    text = arriving(LIVE, OFFERED)
    assert "/a/" not in text
    root = ET.fromstring(text)
    assert (root.get("type"), root.findtext("seclabel/label")) == ("qemu", "+3:+4")
    assert [one.get("slot") for one in root.iter("address")] == ["7", "8"]
    assert root.find("devices/disk/driver").attrib == {"cache": "writeback"}  # type: ignore[union-attr]
    assert root.find("devices/interface/target").get("dev") == "tapb"  # type: ignore[union-attr]
    assert root.find("devices/disk/backingStore") is None
    assert targets(text) == {"root.qcow2": "vda", "volume": "vdc"}  # as the guest knows them


def test_it_lies_where_the_new_host_has_room_and_sees_what_it_saw() -> None:
    def lies(where: str, cpu: int) -> str:
        return (
            f"<memoryBacking><page size='2048'/></memoryBacking><vcpu cpuset='{where}'>1</vcpu>"
            f"<cputune><vcpupin vcpu='0' cpuset='{cpu}'/></cputune><numatune><memory nodeset='{where}'/>"
            f"</numatune><cpu><numa><cell id='{where}'/></numa></cpu><os>"
        )

    root = ET.fromstring(
        arriving(LIVE.replace("<os>", lies("0", 3)), OFFERED.replace("<os>", lies("1", 9)))
    )
    found = {
        tag: root.findall(tag) for tag in ("memoryBacking", "vcpu", "cputune", "numatune", "cpu")
    }
    assert [len(some) for some in found.values()] == [1] * 5
    assert found["vcpu"][0].get("cpuset") == found["numatune"][0][0].get("nodeset") == "1"
    assert found["cputune"][0][0].get("cpuset") == "9"
    assert root.find("cpu/numa/cell").get("id") == "0"  # type: ignore[union-attr]
    bare = ET.fromstring(arriving(LIVE.replace("<os>", lies("0", 3)), OFFERED))
    assert bare.find("cputune") is None


@pytest.mark.parametrize(
    "offered",
    [
        OFFERED.replace("<name>g", "<name>h"),
        OFFERED.replace("<serial>volume", "<serial>other"),
        OFFERED.replace("00:01", "00:02"),
    ],
)
def test_an_offer_that_is_not_of_this_guest_is_refused(offered: str) -> None:
    with pytest.raises(DriverError):
        arriving(LIVE, offered)


def test_a_processor_that_qemu_makes_is_not_compared() -> None:
    assert processor("<domain><cpu mode='maximum'/></domain>") == ""
    assert "Skylake" in processor(
        "<domain><cpu mode='custom'><model>Skylake</model></cpu></domain>"
    )


def test_time_to_go_counts_what_is_written_meanwhile() -> None:
    stats: dict[str, Any] = {"memory_remaining": 800, "memory_bps": 200, "memory_page_size": 10}
    assert seen("g", "memory", {**stats, "memory_dirty_rate": 10}, 1.0).seconds == 8
    assert seen("g", "memory", {**stats, "memory_dirty_rate": 20}, 1.0).seconds is None


class Job:
    """A migration of so many looks, each of a second; nothing ends it but what it is told."""

    began = 0.0

    def __init__(self, clock: time_machine.Coordinates, *, ends_by: str = "") -> None:
        self.clock, self.ends_by, self.done = clock, ends_by, [""]

    def wait(self, _seconds: float) -> bool:
        self.clock.shift(1)
        return self.ends_by in self.done or "abort" in self.done

    def progress(self, guest_id: str, phase: Any) -> LiveProgress:
        return LiveProgress(id=guest_id, phase=phase, memory_remaining=1)

    def __getattr__(self, name: str) -> Any:
        return lambda *said: self.done.append(" ".join([name, *map(str, said)])) or True


def climb(
    job: Job, *, asked: str = "", post_copy: bool = False, work: Any = None, **wanted: Any
) -> str:
    request = LiveRequest(
        spec=make_guest(), dest_host="hb", offer=LiveOffer(id="g"), deadline=30, steps=3,
        downtime=100, most_downtime=300, step_seconds=5, **wanted,
    )  # fmt: skip
    ladder = Ladder(
        cast(LiveJob, job), request, post_copy=post_copy, asked=lambda: asked,
        on_hold=lambda: job.done.append("noted"), is_lost=lambda: False,
    )  # fmt: skip
    ladder.climb(lambda _seen: None, work or Unguarded())
    return ladder.reason


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Clock:
        now = 0.0

        def shift(self, seconds: float) -> None:
            self.now += seconds

    made = Clock()
    monkeypatch.setattr("time.monotonic", lambda: made.now)
    return made


def test_more_downtime_in_steps_then_held_still_then_called_off(clock: Any) -> None:
    job = Job(clock, ends_by="never")
    assert climb(job) == "deadline"
    assert job.done[1:] == [
        *("push 100", "push 200", "push 300", "noted", "push 300", "hold_still", "abort")
    ]
    assert clock.now > 60  # as long again


def test_it_stays_at_the_deadline_where_that_was_wished(clock: Any) -> None:
    job = Job(clock, ends_by="never")
    assert climb(job, timeout_action="abort") == "deadline"
    assert "hold_still" not in job.done


def test_an_operator_ends_it_sooner(clock: Any) -> None:
    assert climb(Job(clock, ends_by="never"), asked="abort") == "asked"
    job = Job(clock, ends_by="go_over")
    assert climb(job, asked="force", post_copy=True) == ""
    assert clock.now < 5


def test_who_takes_over_finds_it_called_off(clock: Any) -> None:
    class Late:
        def checkpoint(self) -> None:
            raise Interrupted

    job = Job(clock, ends_by="never")
    with pytest.raises(Interrupted):
        climb(job, work=Late())
    assert "abort" in job.done


def test_that_a_guest_is_halted_is_the_last_word_after_a_while(clock: Any) -> None:
    def here(state: RunsState, *, moving: bool = False) -> RunsHere:
        return RunsHere(id="g", state=state, moving=moving)

    halted, settled = here("paused_outgoing"), Settled(lost=False)
    assert not settled(halted)
    clock.shift(HALTED)
    assert not settled(here("paused_outgoing", moving=True))  # libvirt goes on
    clock.shift(HALTED + 1)
    assert not settled(halted)
    clock.shift(HALTED + 1)
    assert settled(halted)
    assert not settled(here("unknown"))
    assert settled(here("running"))
    assert Settled(lost=True)(halted)  # who is asked is the other host
