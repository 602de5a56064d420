"""Copies of volumes on their host: at rest, in use, broken off and gone over."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import DriverError, Unguarded
from cloudweb.image_cache.cache import ImageCache
from cloudweb.rpc import Method
from tests.builders.volume_bench import export_of, unexport_of
from volume import rpc
from volume.agent import VolumeAgent
from volume.drivers.base import NoSuchVolume
from volume.drivers.fake import FakeVolumeDriver
from volume.objects import CopyRequest, VolumeRef, VolumeSpec

WORK = Unguarded()
HERE = VolumeSpec(ref=VolumeRef(id="v1", backend="one"), size=1 << 20)
THERE = VolumeSpec(ref=VolumeRef(id="v2", backend="other"), size=1 << 20)


class Host:
    """A host with two back ends; a volume in the one is copied to a new one in the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.restart()
        for spec in (HERE, THERE):
            self.agent.create(spec, WORK)
        self.one.write("v1", "kept")
        target = self.agent.export(export_of(THERE, "h1", attachment_id="a", epoch=7), WORK)
        self.request = CopyRequest(id="c1", volume=HERE.ref, target=target)

    def restart(self) -> None:
        self.one = FakeVolumeDriver(self.directory / "one", backend="one")
        self.other = FakeVolumeDriver(self.directory / "other", backend="other")
        images = ImageCache(self.directory / "images", 1 << 30)
        drivers = {"one": self.one, "other": self.other}
        self.agent = VolumeAgent(drivers, images, self.directory / "volume")
        self.agent.init_host()

    def order(self, method: Method[Any]) -> None:
        self.agent.methods()[method](self.request, WORK)

    def left_of_source(self) -> list[str]:
        records = [str(one) for one in (self.directory / "volume" / "copies").glob("*")]
        return [*self.one.census(), *records]

    def attach(self, epoch: int = 1) -> None:
        self.agent.export(export_of(HERE, "h1", attachment_id="a", epoch=epoch), WORK)

    def detach(self, epoch: int = 1) -> None:
        self.agent.unexport(
            unexport_of(export_of(HERE, "h1", attachment_id="a", epoch=epoch)), WORK
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_volume_at_rest_is_copied_and_copied_again_once_somebody_had_it(host: Host) -> None:
    for _ in range(2):
        host.order(rpc.COPY)
    assert (host.other.read("v2"), host.one.read("v1")) == ("kept", "kept")
    host.order(rpc.FOLLOW)
    host.attach()
    host.one.write("v1", "later")
    host.detach()
    host.restart()
    host.order(rpc.FOLLOW)
    assert (host.other.read("v2"), host.one.read("v1")) == ("later", "later")
    host.agent.delete(HERE.ref, WORK)
    assert host.left_of_source() == []


def test_whoever_has_the_volume_goes_over_to_the_copy(host: Host) -> None:
    host.attach()
    host.order(rpc.COPY)
    host.one.write("v1", "meanwhile")
    host.restart()
    for _ in range(2):
        host.order(rpc.FOLLOW)
    host.one.write("v1", "through the one who serves")
    assert host.other.read("v2") == "through the one who serves"
    with pytest.raises(DriverError):
        host.order(rpc.END_COPY)
    with pytest.raises(NoSuchVolume):
        host.agent.inspect(HERE.ref)
    host.agent.start_guests(lambda scope: nullcontext())
    assert host.one.exports() == {"a": "v1"}
    host.detach()
    host.order(rpc.FOLLOW)  # an order that comes late copies nothing old
    assert host.other.read("v2") == "through the one who serves"
    host.agent.delete(HERE.ref, WORK)
    assert host.left_of_source() == []


def test_a_copy_that_was_given_up_leaves_the_volume_as_it_was(host: Host) -> None:
    host.attach()
    host.order(rpc.COPY)
    for _ in range(2):
        host.order(rpc.END_COPY)
    host.one.write("v1", "mine")
    assert (host.one.read("v1"), host.other.read("v2")) == ("mine", "")
    host.detach()
    assert host.left_of_source() == ["volume v1"]


def test_who_lets_go_in_the_middle_is_copied_at_rest(host: Host) -> None:
    host.attach()
    host.order(rpc.COPY)
    host.one.write("v1", "last words")
    host.detach()
    host.order(rpc.FOLLOW)
    assert host.other.read("v2") == "last words"


def test_a_mirror_that_fell_behind_is_begun_again(host: Host) -> None:
    host.attach()
    host.order(rpc.COPY)
    host.one.end_mirror(host.request, work=WORK)
    host.one.write("v1", "unseen")
    host.order(rpc.FOLLOW)
    assert host.other.read("v2") == "unseen"
