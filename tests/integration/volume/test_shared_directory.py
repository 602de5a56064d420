"""Two hosts that have one directory mounted, as over NFS: one storage, of which each has its own part."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from cloudweb.driver import DriverError, Unguarded
from cloudweb.wire import Wire
from tests.builders.volume_bench import FileBench, snapshot_of
from volume.drivers.file import FileDriver
from volume.drivers.file.config import FileConfig

WORK = Unguarded()


class SharedBench(FileBench):
    """One of the hosts, with a state of its own."""

    def __init__(self, shared: Path, host: str) -> None:
        self.host, self.shared = host, shared
        self.directory = Path(tempfile.mkdtemp(prefix="vol", dir="/tmp"))
        wire = Wire("127.0.0.1", range(21900, 22100), self.directory / "tls")
        self._config = FileConfig(shared / host, wire, shared)
        self.driver = FileDriver(self.directory / "state", host, config=self._config)

    def start(self) -> str:
        self.driver.start()
        return self.driver.pools()[0].storage_id


@pytest.fixture
def hosts() -> Iterator[list[SharedBench]]:
    shared = Path(tempfile.mkdtemp(prefix="shared", dir="/tmp"))
    made = [SharedBench(shared, host) for host in ("h1", "h2")]
    yield made
    for one in made:
        shutil.rmtree(one.directory)
    shutil.rmtree(shared)


def test_each_host_has_its_own_part_of_one_storage(hosts: list[SharedBench]) -> None:
    with ThreadPoolExecutor(2) as both:  # they come at the same time, and agree
        storages = {*both.map(SharedBench.start, hosts)}
    assert len(storages) == 1
    assert storages != {""}
    first, second = hosts
    source, image = first.image("word")
    for one in hosts:
        spec = one.spec(source=source)
        one.driver.create(spec, image=image, work=WORK)
        one.driver.snapshot(snapshot_of(spec), work=WORK)
    assert [[*one.driver.strays()] for one in hosts] == [[], []]
    assert len({one.id for host in hosts for one in host.driver.list()}) == 2
    (kept,) = second.driver.list()

    # all of the first one's goes; the other one's is not touched
    first.driver.tidy(lambda *_: nullcontext())
    first.driver.delete_everything()
    assert list(first.driver.files.everything()) == []
    assert second.driver.list() == [kept]
    ref = second.spec().ref.model_copy(update={"id": kept.id})
    assert second.read(ref) == "word"

    # one whose file system is not mounted any more says so, and makes nothing in what is there instead
    away = second.shared / "away"
    (second.shared / "h2").rename(away)
    with pytest.raises(DriverError, match="is its file system mounted"):
        second.start()
    (second.shared / "h2").rmdir()
    away.rename(second.shared / "h2")
    assert second.start() in storages
    second.driver.delete_everything()
