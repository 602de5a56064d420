"""Simulated guests go down the ladder by a simulated clock."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.driver import Interrupted, Unguarded
from compute.drivers.base import GuestRuns, LiveMigrate
from compute.drivers.fake import FakeDriver
from compute.drivers.fake_live import MIB
from compute.live_objects import (
    DestinationCheck,
    LiveRequest,
    LiveResult,
    PrepareRequest,
    SourceCheck,
)
from compute.live_progress import LiveProgress
from tests.builders.guests import make_guest, ref

WORK = Unguarded()


class Pair:
    """A guest that runs on one simulated host, and another host."""

    def __init__(self) -> None:
        self.source, self.dest = FakeDriver(host="a"), FakeDriver(host="b")
        self.spec = make_guest()
        self.source.spawn(self.spec, images={}, work=WORK)
        self.seen: list[LiveProgress] = []

    def verdict(self, **said: Any) -> Any:
        there = self.dest.check_destination(
            DestinationCheck(spec=self.spec, source_host="a"), work=WORK
        )
        request = SourceCheck(spec=self.spec, dest_host="b", destination=there, **said)
        return self.source.check_source(request, work=WORK)

    def go(self, *, work: Any = WORK, **said: Any) -> LiveResult:
        disks = self.verdict().disks
        request = PrepareRequest(spec=self.spec, source_host="a", disks=disks)
        offer = self.dest.pre_live_migration(request, images={}, work=WORK)
        wanted = LiveRequest(
            spec=self.spec, dest_host="b", offer=offer, disks=disks, **{"deadline": 100, **said}
        )
        return self.source.live_migrate(wanted, progress=self.heard, work=work)

    def heard(self, seen: LiveProgress) -> None:
        self.seen.append(seen)

    def states(self) -> tuple[str, str]:
        return self.source.who_runs(ref(self.spec)).state, self.dest.who_runs(ref(self.spec)).state


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_a_calm_guest_goes_over(pair: Pair) -> None:
    pair.source.pace.speed = 16 * MIB
    assert isinstance(pair.source, LiveMigrate)
    assert pair.go().outcome == "completed"
    assert pair.states() == ("absent", "running")
    assert pair.seen[0].seconds is not None
    assert pair.seen[-1].disk_remaining == 0
    with pytest.raises(GuestRuns):
        pair.dest.rollback_live_migration_at_destination(ref(pair.spec), work=WORK)


def test_one_that_writes_faster_than_is_copied_ends_by_the_ladder(pair: Pair) -> None:
    pair.source.pace.speed = pair.source.pace.dirty_rate = 16 * MIB
    assert pair.verdict().seconds is None
    assert pair.go(deadline=40, most_downtime=500).outcome == "completed"
    assert {one.phase for one in pair.seen} == {"disks", "memory", "suspended"}
    late = Pair()
    late.source.pace.speed = late.source.pace.dirty_rate = 16 * MIB
    result = late.go(deadline=40, most_downtime=500, timeout_action="abort")
    assert (result.outcome, result.reason) == ("aborted", "deadline")
    assert late.states() == ("running", "paused_incoming")


def test_what_is_asked_meanwhile_is_done(pair: Pair) -> None:
    pair.source.pace.speed = 16 * MIB

    def heard(seen: LiveProgress) -> None:
        pair.source.abort_live(ref(pair.spec))

    pair.heard = heard  # type: ignore[method-assign]
    result = pair.go()
    assert (result.outcome, result.reason) == ("aborted", "asked")
    pair.heard = lambda seen: pair.source.force_complete_live(ref(pair.spec))  # type: ignore[method-assign]
    assert pair.go().outcome == "completed"


def test_who_is_interrupted_lets_the_guest_go_on(pair: Pair) -> None:
    class Stale(Unguarded):
        def checkpoint(self) -> None:
            if pair.seen:
                raise Interrupted

    pair.source.pace.speed = 16 * MIB
    with pytest.raises(Interrupted):
        pair.go(work=Stale())
    assert pair.states() == ("running", "paused_incoming")


def test_hosts_that_share_disks_copy_none(pair: Pair) -> None:
    assert all(disk.copied for disk in pair.verdict().disks)
    pair.dest.pace.storage = pair.source.pace.storage
    (against,) = pair.verdict(block_copy="yes").reasons
    assert "nothing to copy" in against
    assert not any(disk.copied for disk in pair.verdict().disks)
    pair.dest.pace.cpu = "other"
    assert pair.verdict().reasons == ("The processor of b is of another kind.",)
