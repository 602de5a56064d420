"""One damaged guest record takes no other guest with it, and the operator is told."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import pytest

from cloudweb.driver import TransientDriverError, Unguarded
from cloudweb.files import write_atomically
from cloudweb.image_cache.cache import ImageCache
from cloudweb.records import forget, read_record
from compute.agent import ComputeAgent
from compute.drivers.fake import FakeDriver
from compute.objects import PowerOffRequest
from tests.builders.damage import DAMAGES, aside, damage
from tests.builders.guests import make_guest, make_reboot, ref

WORK = Unguarded()


def make_agent(directory: Path) -> ComputeAgent:
    agent = ComputeAgent(
        FakeDriver(directory, "h1"), ImageCache(directory / "images", 1 << 30), directory
    )
    agent.init_host()
    return agent


@pytest.mark.parametrize("how", DAMAGES)
def test_the_other_guests_start_and_the_next_order_writes_it_again(
    tmp_path: Path, how: str
) -> None:
    good, bad = make_guest(), make_guest()
    agent = make_agent(tmp_path)
    for guest in (good, bad):
        agent.spawn(guest, WORK)
        agent.driver.power_off(ref(guest), timeout=0, work=WORK)  # the machine goes down
    record = tmp_path / "guests" / f"{bad.id}.json"
    damage(record, how)
    (tmp_path / "boot_id").write_bytes(b"\xff")
    for start in range(2):  # what was lost is known over restarts
        agent = make_agent(tmp_path)
        agent.start_guests(lambda scope: Lock())
        report = agent.report(full=True)
        assert (start, agent.inspect(ref(good)).power_state) == (start, "running")
        assert (start, aside(tmp_path)) == (start, [record.name])
        (problem,) = report.problems
        assert bad.id in problem
    assert bad.id in [change.id for change in report.changes]  # its server is not running
    agent.power_on(bad, WORK)
    assert agent.report(full=False).problems == ()
    assert record.exists()
    agent.destroy(ref(bad), WORK)
    assert aside(tmp_path) == []


def test_orders_about_a_guest_whose_record_is_damaged_are_done(tmp_path: Path) -> None:
    guest = make_guest()
    agent = make_agent(tmp_path)
    agent.spawn(guest, WORK)
    record = tmp_path / "guests" / f"{guest.id}.json"
    damage(record, "cut")
    agent.power_off(PowerOffRequest(id=guest.id, name=guest.name, timeout=0), WORK)
    assert not record.exists()
    assert agent.reboot(make_reboot(guest, spec=guest), WORK).power_state == "running"
    assert record.exists()
    damage(record, "cut")
    assert agent.reboot(make_reboot(guest), WORK).power_state == "running"


def test_what_a_lost_guest_may_be_based_on_stays_in_the_cache(tmp_path: Path) -> None:
    agent = make_agent(tmp_path)
    guest = make_guest()
    agent.spawn(guest, WORK)
    base = agent.images.directory / "base"
    base.write_bytes(b"x")
    assert base not in agent.images.in_use()
    damage(tmp_path / "guests" / f"{guest.id}.json", "garbage")
    assert base in agent.images.in_use()


def test_a_record_that_cannot_be_read_now_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.json"
    path.write_text("{}")

    def refuse(self: Path) -> bytes:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(TransientDriverError):
        read_record(path, dict)
    monkeypatch.undo()
    assert read_record(path, dict) == {}


def test_a_record_is_forgotten_with_what_was_never_finished_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    with monkeypatch.context() as patch:  # who is killed takes nothing away
        patch.setattr(Path, "replace", lambda *_: None)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        for one in (path, other):
            write_atomically(one, "{}")
    (left,) = tmp_path.glob(".b.json.*")
    forget(path)
    assert [*tmp_path.iterdir()] == [left]
