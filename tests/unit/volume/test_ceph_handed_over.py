"""A volume in Ceph that another host has by now is nothing that the first one may cut off, or take away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import TransientDriverError, Unguarded
from cloudweb.image_cache.cache import ImageCache
from volume.agent import VolumeAgent
from volume.drivers.ceph.attachments import Attachment
from volume.drivers.ceph.cluster import CephConfig
from volume.drivers.ceph.driver import CephDriver
from volume.objects import ExportRequest, HandedOver, UnexportRequest, VolumeRef

WORK = Unguarded()
REF = VolumeRef(id="v1", backend="ceph", pool="volumes")


class Host:
    """A host that made a volume and let a guest's host in; its cluster answers nothing."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = CephConfig(conf="", user="cloudweb", pools=("volumes",))
        self.driver = CephDriver(directory / "ceph", "h1", config=config)
        self.asked: list[tuple[str, ...]] = []
        monkeypatch.setattr(self.driver.cluster, "rbd", self._rbd)
        self.agent = VolumeAgent(
            {"ceph": self.driver}, ImageCache(directory / "images", 1 << 30), directory / "agent"
        )
        self.driver._made.begin("v1", "volumes")
        self.let_in("a", epoch=5)

    def _rbd(self, *words: str, **_how: Any) -> str:
        self.asked.append(words)
        if words[:2] == ("trash", "ls"):
            return "[]"
        raise TransientDriverError

    def let_in(self, attachment_id: str, *, epoch: int) -> None:
        request = ExportRequest(volume=REF, attachment_id=attachment_id, epoch=epoch, to_host="h3")
        self.agent._exports.admit(request)
        self.driver._attachments.put("v1", attachment_id, Attachment("volumes", "h3"))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_it_stays_as_it_is_when_the_first_host_leaves_the_cloud(host: Host) -> None:
    for _ in range(2):  # an order may come twice
        host.agent.hand_over(HandedOver(volume=REF, epoch=6), WORK)
    assert host.asked == []
    assert host.driver.exports() == {"a": "v1"}  # whom it cuts off, should it let somebody in again
    assert [one.attachment_id for one in host.agent._exports.live("v1")] == ["a"]
    host.agent.leave_host()
    assert {words[:2] for words in host.asked} == {("trash", "ls")}


def test_one_that_came_back_since_is_known_on(host: Host) -> None:
    host.let_in("b", epoch=7)
    host.agent.hand_over(HandedOver(volume=REF, epoch=6), WORK)
    assert "b" in host.driver.exports()
    assert [*host.driver._made.volumes()] == [("v1", "volumes")]


def test_whom_it_let_in_is_cut_off_when_it_is_asked_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their host was taken for off, and was not: a second guest has the volume now."""
    cut_off: list[tuple[str, str]] = []

    def unexport(gone: UnexportRequest, *, work: Any) -> None:
        cut_off.append((gone.attachment_id, gone.to_host))

    monkeypatch.setattr(host.driver, "get", lambda ref: None)
    monkeypatch.setattr(host.driver, "export", lambda request, *, work: None)
    monkeypatch.setattr(host.driver, "unexport", unexport)
    host.agent.hand_over(HandedOver(volume=REF, epoch=6), WORK)
    host.agent.export(ExportRequest(volume=REF, attachment_id="a", epoch=9, to_host="h1"), WORK)
    assert cut_off == [("a", "h3")]
