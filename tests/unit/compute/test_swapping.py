"""What an agent keeps of a disk that is swapped: the next start has what the guest had last."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudweb.driver import DriverError, Interrupted, Unguarded
from compute.agent import ComputeAgent
from compute.drivers.base import DiskNotFound, GuestIsOff
from compute.drivers.fake import FakeDriver
from compute.objects import AttachDiskRequest, EndMirrorRequest, GuestSpec, SwapDiskRequest
from tests.builders.guests import make_guest, ref
from tests.builders.work import CountedWork
from tests.unit.compute.test_attached_disks import make_agent, make_disk, restart_of_the_machine

WORK = Unguarded()


def beneath(agent: ComputeAgent, guest: GuestSpec) -> list[str]:
    assert isinstance(agent.driver, FakeDriver)
    return list(agent.driver.beneath(guest.id).values())


def test_the_next_start_has_what_the_guest_had_last(tmp_path: Path) -> None:
    guest, before, other = make_guest(), make_disk(name="old", size=8), make_disk(name="beside")
    after = before.model_copy(update={"name": "new", "size": 16})
    agent = make_agent(tmp_path)
    agent.spawn(guest, WORK)
    orders = agent._swaps
    order = SwapDiskRequest(id=guest.id, name=guest.name, before=before, disk=after)
    back = SwapDiskRequest(id=guest.id, name=guest.name, before=after, disk=before)
    end = EndMirrorRequest(id=guest.id, name=guest.name, serial=before.serial, target="new")
    with pytest.raises(DiskNotFound):
        orders.mirror(order, WORK)
    for disk in (before, other):
        agent.attach_disk(AttachDiskRequest(id=guest.id, name=guest.name, disk=disk), WORK)
    assert not orders.swap(order, WORK).swapped
    orders.mirror(order, WORK)
    orders.end(end, WORK)
    assert not orders.swap(order, WORK).swapped
    with pytest.raises(Interrupted):
        orders.mirror(order, CountedWork(0))
    orders.mirror(order, WORK)
    for _ in range(2):
        assert orders.swap(order, WORK).swapped
    orders.end(end, WORK)
    assert beneath(agent, guest) == ["new", "beside"]
    kept = [disk.name for disk in agent._disks(guest.id, before.serial)]
    assert kept == ["new"]

    # a guest that ended before it went over keeps what it has, whatever starts it
    orders.mirror(back, WORK)
    agent = restart_of_the_machine(agent, tmp_path, guest)
    assert beneath(agent, guest) == ["new", "beside"], "in their order: it boots from the first"
    assert not agent._swaps.swap(back, WORK).swapped
    assert beneath(restart_of_the_machine(agent, tmp_path, guest), guest) == ["new", "beside"]
    agent.driver.power_off(ref(guest), timeout=0, work=WORK)
    with pytest.raises(GuestIsOff):
        agent._swaps.mirror(back, WORK)
    agent.destroy(ref(guest), WORK)
    agent._swaps.end(end, WORK)
    assert agent._swaps.swap(order, WORK).swapped, "nothing is left that could miss anything"
    with pytest.raises(DriverError):
        agent._swaps.mirror(order, WORK)
