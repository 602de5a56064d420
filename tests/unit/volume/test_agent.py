"""The volume agent: who may use what, whatever order the orders come in and whoever dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import DriverError, Unguarded
from cloudweb.image_cache.cache import ImageCache
from tests.builders.volume_bench import export_of, make_source, snapshot_of, unexport_of
from volume import rpc
from volume.agent import NoSuchBackend, VolumeAgent
from volume.drivers.base import VolumeDriver, VolumeInUse
from volume.drivers.fake import FakeVolumeDriver
from volume.exports import CutOff
from volume.objects import ExportRequest, Held, ReimageRequest, ResizeRequest, VolumeRef, VolumeSpec

WORK = Unguarded()
SPEC = VolumeSpec(ref=VolumeRef(id="v1", backend="fake"), size=1 << 20)


class Host:
    """An agent with one volume; ``restart`` is a new process, ``reboot`` the machine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.restart()
        self.agent.create(SPEC, WORK)

    def restart(self, *, paid: bool = True) -> None:
        self.driver = FakeVolumeDriver(self._directory / "fake")
        images = ImageCache(self._directory / "images", 1 << 30)
        self.agent = VolumeAgent({"fake": self.driver}, images, self._directory / "volume")
        self.agent.init_host()
        if paid:
            self.agent.start_guests(lambda scope: _nothing())

    def reboot(self, *, paid: bool = True) -> None:
        self.driver.reboot()
        self.restart(paid=paid)

    def attached(self) -> set[str]:
        return {*self.driver.exports()}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def export(epoch: int, name: str = "a", to: str = "h1", **more: Any) -> ExportRequest:
    return export_of(SPEC, to, attachment_id=name, epoch=epoch, **more)


def test_a_higher_epoch_wins_in_whatever_order_the_orders_come(host: Host) -> None:
    agent = host.agent
    agent.export(export(5), WORK)
    agent.unexport(unexport_of(export(4)), WORK)  # of an earlier export: this one stays
    assert host.attached() == {"a"}
    with pytest.raises(CutOff):
        agent.export(export(4), WORK)
    agent.unexport(unexport_of(export(5)), WORK)
    assert host.attached() == set()
    for late in (4, 5):
        with pytest.raises(CutOff):
            agent.export(export(late), WORK)
    host.restart()
    with pytest.raises(CutOff):
        host.agent.export(export(5), WORK)
    host.agent.export(export(6), WORK)
    assert host.attached() == {"a"}


def test_an_unexport_that_comes_first_keeps_its_export_out(host: Host) -> None:
    host.agent.unexport(unexport_of(export(3)), WORK)
    with pytest.raises(CutOff):
        host.agent.export(export(3), WORK)


def test_who_had_the_volume_alone_is_cut_off_by_who_gets_it(host: Host) -> None:
    host.agent.export(export(1, "a"), WORK)
    host.agent.export(export(2, "b", "h2"), WORK)
    assert host.attached() == {"b"}
    with pytest.raises(CutOff):
        host.agent.export(export(1, "a"), WORK)
    with pytest.raises(CutOff):  # an older wish of a third comes late
        host.agent.export(export(1, "c"), WORK)
    host.agent.export(export(3, "c", shared=True), WORK)
    assert host.attached() == {"c"}
    host.agent.export(export(4, "d", shared=True), WORK)
    assert host.attached() == {"c", "d"}


def test_what_was_served_before_a_reboot_is_served_again_once_debts_are_paid(host: Host) -> None:
    host.agent.export(export(1, "a", shared=True), WORK)
    host.agent.export(export(2, "b", shared=True), WORK)
    host.reboot(paid=False)
    host.agent.serve()
    assert host.attached() == set()
    host.agent.unexport(unexport_of(export(1, "a")), WORK)  # what it owed
    host.agent.start_guests(lambda scope: _nothing())
    assert host.attached() == {"b"}


def test_what_was_cut_off_on_paper_alone_is_cut_off_for_good(host: Host) -> None:
    """The host died between the record and the driver."""
    host.agent.export(export(1), WORK)
    host.driver.faults.fail("unexport", times=1, transient=True)
    with pytest.raises(DriverError):
        host.agent.unexport(unexport_of(export(1)), WORK)
    assert host.attached() == {"a"}
    host.restart()
    assert host.attached() == set()


def test_a_volume_that_cannot_be_served_again_is_said_and_tried_again(host: Host) -> None:
    host.agent.export(export(1), WORK)
    host.driver.reboot()
    host.driver.faults.fail("export", times=1)
    host.agent.serve()
    (problem,) = host.agent.report(full=True).problems
    assert "v1" in problem
    host.agent.serve()
    assert (host.attached(), host.agent.report(full=True).problems) == ({"a"}, ())


def test_a_volume_that_is_worked_on_keeps_no_other_from_being_served(host: Host) -> None:
    other = SPEC.model_copy(update={"ref": VolumeRef(id="v2", backend="fake")})
    host.agent.create(other, WORK)
    host.agent.export(export(1), WORK)
    host.agent.export(export_of(other, "h1", attachment_id="b"), WORK)
    host.driver.reboot()
    with host.agent._locked(SPEC.ref.id):
        host.agent.serve()
        assert host.attached() == {"b"}
    host.agent.serve()
    assert host.attached() == {"a", "b"}


def test_what_is_in_use_stays(host: Host) -> None:
    host.agent.export(export(1), WORK)
    for refused in (
        lambda: host.agent.delete(SPEC.ref, WORK),
        lambda: host.agent.revert(snapshot_of(SPEC), WORK),
    ):
        with pytest.raises(VolumeInUse):
            refused()
    host.agent.unexport(unexport_of(export(1)), WORK)
    host.agent.delete(SPEC.ref, WORK)
    host.agent.unexport(unexport_of(export(9)), WORK)
    assert list(host.driver.census()) == []
    assert [*(host._directory / "volume" / "exports").glob("*")] == []


def test_one_broken_back_end_keeps_no_other_down(tmp_path: Path) -> None:
    good, bad = FakeVolumeDriver(), FakeVolumeDriver(backend="bad")
    bad.faults.fail("start", times=2, transient=False, message="The disk is away.")
    agent = VolumeAgent(
        {"bad": bad, "fake": good}, ImageCache(tmp_path / "images", 1 << 30), tmp_path / "volume"
    )
    assert list(agent.init_host()) == ["Back end bad: The disk is away."]
    agent.create(SPEC, WORK)
    elsewhere = SPEC.model_copy(update={"ref": VolumeRef(id="v2", backend="bad")})
    with pytest.raises(DriverError, match="The disk is away"):
        agent.create(elsewhere, WORK)
    assert [pool.backend for pool in agent.report(full=True).pools or ()] == ["fake"]
    agent.start_backends()
    agent.create(elsewhere, WORK)
    report = agent.report(full=False)
    assert ([pool.backend for pool in report.pools or ()], report.problems) == (["bad", "fake"], ())
    assert agent.report(full=False).pools is None  # nothing is news
    with pytest.raises(NoSuchBackend):
        agent.delete(VolumeRef(id="v3", backend="gone"), WORK)


class Plain(VolumeDriver):
    """Can do the least alone."""

    wants_images = False

    def __init__(self, fake: FakeVolumeDriver) -> None:
        for name in ("start", "stop", "pools", "create", "delete", "resize", "export", "unexport",
                     "exports", "get", "list"):  # fmt: skip
            setattr(self, name, getattr(fake, name))

    start = stop = pools = create = delete = resize = export = unexport = exports = get = list = (
        delete_everything
    ) = lambda *_, **__: None  # type: ignore[assignment]


def test_what_a_driver_cannot_do_is_refused(tmp_path: Path) -> None:
    agent = VolumeAgent(
        {"fake": Plain(FakeVolumeDriver())}, ImageCache(tmp_path / "i", 1 << 30), tmp_path / "v"
    )
    agent.create(SPEC, WORK)
    agent.export(export(1), WORK)
    copy = VolumeRef(id="v2", backend="fake")
    image = make_source("i", 1 << 20, 1 << 20, "raw")
    anew = ReimageRequest(volume=SPEC.ref, image=image)
    calls = {
        "snapshot": lambda: agent.snapshot(snapshot_of(SPEC), WORK),
        "delete_snapshot": lambda: agent.delete_snapshot(snapshot_of(SPEC), WORK),
        "revert": lambda: agent.revert(snapshot_of(SPEC), WORK),
        "reimage": lambda: agent.methods()[rpc.REIMAGE](anew, WORK),
        "clone": lambda: agent.create(VolumeSpec(ref=copy, size=1 << 20, source=SPEC.ref), WORK),
        "resize": lambda: agent.resize(ResizeRequest(volume=SPEC.ref, size=2 << 20), WORK),
        "share": lambda: agent.export(export(2, "b", shared=True), WORK),
    }
    for name, call in calls.items():
        with pytest.raises(DriverError, match="cannot"):
            call()
        assert name


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def test_nothing_is_kept_of_volumes_that_nobody_works_on(host: Host) -> None:
    host.agent.export(export(1), WORK)
    assert [*host.agent._locks] == []


def test_what_lies_on_the_host_is_told_once_each_time_it_was_looked_at(host: Host) -> None:
    host.agent.export(export(1), WORK)
    assert host.agent.report(full=True).held is None
    host.agent.tidy()
    told = [host.agent.report(full=False).held for _ in range(2)]
    assert told == [Held(volumes=("v1",), attachments=("a",), backends=("fake",)), None]


def test_a_back_end_that_fails_keeps_no_other_from_being_looked_at(tmp_path: Path) -> None:
    good, bad = FakeVolumeDriver(), FakeVolumeDriver(backend="bad")
    images = ImageCache(tmp_path / "images", 1 << 30)
    agent = VolumeAgent({"bad": bad, "fake": good}, images, tmp_path / "volume")
    agent.init_host()
    agent.create(SPEC, WORK)
    bad.faults.fail("list", message="The cluster is away.")
    with pytest.raises(DriverError, match="The cluster is away"):
        agent.tidy()
    assert agent.report(full=False).held == Held(volumes=("v1",), backends=("fake",))
    agent.tidy()
    held = agent.report(full=False).held
    assert held is not None
    assert held.backends == ("bad", "fake")
