"""What Ceph alone has: hosts that are put out whatever they do, parents in the trash, a cluster that is ill."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError, Unguarded
from cloudweb.image_cache.cache import ImageCache
from cloudweb.rpc import Method
from tests.builders.ceph import CephCluster, CephHost
from tests.builders.ceph_bench import CephBench
from tests.builders.encrypted_bench import KEY, EncryptedCephBench, EncryptedFileBench
from tests.builders.volume_bench import FileBench, export_of, snapshot_of, unexport_of
from tests.infrastructure import wait_until
from volume import rpc
from volume.agent import VolumeAgent
from volume.connectors import connection_info
from volume.drivers.ceph import cluster as commands
from volume.drivers.ceph import images
from volume.drivers.ceph.cluster import CephConfig
from volume.drivers.ceph.driver import CephDriver
from volume.objects import CopyRequest, ExportRequest, VolumeConnection, VolumeSpec

WORK = Unguarded()


@pytest.fixture(scope="module")
def elsewhere(ceph: CephCluster) -> CephHost:
    return ceph.host()


@pytest.fixture
def bench(ceph: CephCluster) -> Iterator[CephBench]:
    made = CephBench(ceph)
    yield made
    made.close()


def make(bench: CephBench) -> VolumeSpec:
    spec = bench.spec()
    bench.driver.create(spec, image=None, work=WORK)
    return spec


@pytest.mark.parametrize("state", ["writing", "stopped", "idle"])
def test_a_lost_host_is_put_out_and_another_one_goes_on(
    bench: CephBench, elsewhere: CephHost, state: str
) -> None:
    """Whether its guest writes at that time, was stopped when it did, or never wrote at all."""
    driver, spec = bench.driver, make(bench)
    lost = export_of(spec, "h2", to_address=elsewhere.address)
    connection = driver.export(lost, work=WORK)
    zombie = bench.client(connection, elsewhere.enter)
    assert b"read 16/16" in zombie.read()
    if state != "idle":
        assert zombie.write("h2", bench.directory)
    if state == "stopped":
        zombie.signal(signal.SIGSTOP)
    if state == "writing":
        zombie.begin_writing()
    driver.unexport(unexport_of(lost), work=WORK)
    request = export_of(spec, "h1")
    heir = driver.export(request, work=WORK)
    assert bench.write_through(heir, "h1")
    if state == "stopped":
        zombie.signal(signal.SIGCONT)
    if state == "writing":
        assert b"Cannot send after transport endpoint shutdown" in zombie.end_writing()
    assert not zombie.write("too late", bench.directory)
    # its host comes back and starts the guest again, with what it knows
    assert not bench.new_client(connection, elsewhere.enter).write("again", bench.directory)
    assert bench.write_through(heir, "h1 goes on")
    driver.unexport(unexport_of(request), work=WORK)
    # and it may have the volume again, by a newer attachment
    anew = export_of(spec, "h2", to_address=elsewhere.address)
    back = driver.export(anew, work=WORK)
    assert bench.client(back, elsewhere.enter).write("h2 again", bench.directory)
    driver.unexport(unexport_of(anew), work=WORK)
    assert bench.read(spec.ref) == "h2 again"


def test_a_lock_that_nobody_should_have_is_seen_and_whoever_has_it_is_put_out(
    bench: CephBench, elsewhere: CephHost
) -> None:
    """A client that nobody let in by an attachment, alive, and one that died over its lock."""
    driver, spec = bench.driver, make(bench)
    request = export_of(spec, "h2", to_address=elsewhere.address)
    for lives in (False, True):
        client = bench.new_client(driver.export(request, work=WORK), elsewhere.enter)
        assert client.write("mine", bench.directory)
        if not lives:
            client.kill()
        driver.tidy(lambda *_: nullcontext())
        assert driver.held().left == ()  # it is the attachment's
        driver._attachments.drop(spec.ref.id, request.attachment_id)
        driver.tidy(lambda *_: nullcontext())
        (left,) = driver.held().left
        assert (left.kind, left.volume.id) == ("lock", spec.ref.id)
        driver.clear(left, work=WORK)
        assert not lives or not client.write("too late", bench.directory)
        driver.tidy(lambda *_: nullcontext())
        assert driver.held().left == ()
    driver.unexport(unexport_of(request), work=WORK)
    assert bench.read(spec.ref) == "mine"


def test_an_attachment_has_its_pool_and_no_other(bench: CephBench, ceph: CephCluster) -> None:
    spec = make(bench)
    request = export_of(spec, "h1")
    connection = bench.driver.export(request, work=WORK)
    ceph.rbd("create", "--size", "8M", "others/volume-foreign")
    foreign = connection.model_copy(
        update={"rbd_pool": "others", "image": "volume-foreign", "attachment_id": "foreign"}
    )
    assert not bench.client(foreign).write("mine", bench.directory)
    ceph.rbd("rm", "--no-progress", "others/volume-foreign")
    bench.driver.unexport(unexport_of(request), work=WORK)


def test_who_connects_as_os_brick_does_gets_in_until_he_is_cut_off(bench: CephBench) -> None:
    """What it makes of a connection: a file of monitors and keyring, and these words for ``rbd``."""
    spec = make(bench)
    request = export_of(spec, "h1")
    data = connection_info(bench.driver.export(request, work=WORK))["data"]
    pool, _, image = data["name"].partition("/")
    pairs = zip(data["hosts"], data["ports"], strict=True)
    monitors = ",".join(f"{host}:{port}" for host, port in pairs)
    conf = bench.directory / "brick.conf"
    conf.write_text(f"[global]\nmon_host = {monitors}\n{data['keyring']}\n")
    words = ("--id", data["auth_username"], "--mon_host", monitors, "--conf", str(conf))

    def connect() -> int:
        command = ("rbd", "info", image, "--pool", pool, "--client_mount_timeout", "5", *words)
        return process.run(*command, check=False).returncode

    assert connect() == 0
    bench.driver.unexport(unexport_of(request), work=WORK)
    assert connect() != 0


def test_what_has_clones_waits_in_the_trash_and_what_nobody_made_is_shown(
    bench: CephBench, ceph: CephCluster
) -> None:
    driver, spec = bench.driver, make(bench)
    bench.write(spec.ref, "parent")
    snapshot = snapshot_of(spec)
    driver.snapshot(snapshot, work=WORK)
    clone = bench.spec(source=snapshot)
    driver.create(clone, image=None, work=WORK)
    driver.delete_snapshot(snapshot, work=WORK)
    driver.delete(spec.ref, work=WORK)
    assert [line for line in bench.cluster.census() if line.startswith("trash")] == [
        f"trash volume-{spec.ref.id}"
    ]
    ceph.rbd("create", "--size", "8M", "default/holiday-pictures")
    driver.tidy(lambda *ids: nullcontext())
    assert driver.strays() == ("default/holiday-pictures",)
    ceph.rbd("rm", "--no-progress", "default/holiday-pictures")
    assert bench.read(clone.ref) == "parent"
    driver.delete(clone.ref, work=WORK)
    assert [line for line in bench.census() if "json" not in line] == []


def test_many_generations_of_clones_are_made_flat(
    bench: CephBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_DEPTH", 1)
    driver, spec = bench.driver, make(bench)
    bench.write(spec.ref, "first")
    line = [spec]
    for _ in range(3):
        line.append(bench.spec(source=line[-1].ref))
        driver.create(line[-1], image=None, work=WORK)
    flat = [driver.images.info(f"default/volume-{one.ref.id}") or {} for one in line]
    assert sum("parent" not in info for info in flat) == 2  # the first, and the one too many
    assert bench.read(line[-1].ref) == "first"


def test_two_hosts_share_a_pool_and_each_takes_away_its_own(bench: CephBench) -> None:
    other = bench.make_driver("h2")
    other.start()
    mine, theirs = make(bench), bench.spec()
    other.create(theirs, image=None, work=WORK)
    assert {one.id for one in other.list()} == {mine.ref.id, theirs.ref.id}
    (one,), (two,) = bench.driver.pools(), other.pools()
    assert one.storage_id == two.storage_id
    other.delete_everything()
    assert [one.id for one in bench.driver.list()] == [mine.ref.id]
    other.stop()


def test_a_cluster_without_a_manager_and_one_that_is_silent(
    bench: CephBench, ceph: CephCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = bench.driver
    (pool,) = driver.pools()
    assert (pool.protocol, pool.problem) == ("ceph", "")
    assert 0 < pool.free <= pool.total
    ceph.end_daemon("mgr.a")

    def unmeasured() -> bool:
        driver.measures.measure()
        return any("no manager is active" in text for text in driver.problems())

    wait_until(unmeasured, what="the monitors miss the manager")
    assert driver.pools()[0].free == pool.free  # as it was known last
    ceph.run_daemon("mgr.a")
    silent = bench.directory / "silent.conf"
    silent.write_text(ceph.conf.read_text().replace(ceph.monitor, f"{ceph.subnet}.99"))
    away = CephDriver(
        bench.directory / "away", "h1", config=CephConfig(str(silent), "cloudweb", ("default",))
    )
    monkeypatch.setattr(commands, "CONNECT", 2)
    with pytest.raises(TransientDriverError, match="does not answer"):
        away.start()
    stranger = CephDriver(
        bench.directory / "stranger",
        "h1",
        config=CephConfig(str(ceph.conf), "nobody", ("default",)),
    )
    with pytest.raises(DriverError, match="does not let nobody in"):
        stranger.start()
    missing_pool = CephDriver(
        bench.directory / "none",
        "h1",
        config=CephConfig(str(ceph.conf), "cloudweb", ("nowhere",)),
    )
    with pytest.raises(DriverError, match="no pool nowhere"):
        missing_pool.start()
    ceph.await_usage()  # as it was for whoever comes next


@pytest.mark.parametrize("key", ["", KEY], ids=["plain", "encrypted"])
def test_a_volume_goes_from_files_to_ceph_while_it_is_had_and_back_and_forth_at_rest(
    ceph: CephCluster, tmp_path: Path, key: str
) -> None:
    files = EncryptedFileBench() if key else FileBench()
    bench = EncryptedCephBench(ceph) if key else CephBench(ceph)
    try:
        drivers = {"file": files.driver, "ceph": bench.driver}
        agent = VolumeAgent(drivers, ImageCache(tmp_path / "i", 1 << 30), tmp_path / "volume")

        def order(method: Method[Any], here: VolumeSpec, there: VolumeSpec) -> None:
            agent.methods()[method](
                CopyRequest(
                    id=here.ref.id, volume=here.ref, target=targets[there.ref.id], passphrase=key
                ),
                WORK,
            )

        def let_in(there: VolumeSpec) -> ExportRequest:
            request = export_of(there, "h1", passphrase=key)
            targets[there.ref.id] = agent.export(request, WORK)
            return request

        targets: dict[str, VolumeConnection] = {}
        had, in_ceph, in_file, again = files.spec(), bench.spec(), files.spec(), bench.spec()
        for spec in (had, in_ceph, in_file, again):
            agent.create(spec, WORK)
        mine = let_in(had)
        guest = targets[had.ref.id]
        assert files.write_through(guest, "before")
        ours = let_in(in_ceph)
        order(rpc.COPY, had, in_ceph)
        assert files.write_through(guest, "meanwhile")
        order(rpc.FOLLOW, had, in_ceph)
        assert files.write_through(guest, "after")
        (relay,) = files.driver.daemons._all_pids()
        os.kill(relay, signal.SIGKILL)  # what is started again serves what is in Ceph now
        files.driver.export(mine.model_copy(update={"passphrase": ""}), work=WORK)
        assert files.write_through(guest, "after")
        records = [path.read_text() for path in files.directory.glob("state/daemons/*.json")]
        assert records
        assert not key or key not in "".join(records)
        for request in (mine, ours):
            agent.unexport(unexport_of(request), WORK)
        assert bench.read(in_ceph.ref) == "after"
        for here, there in ((in_ceph, in_file), (in_file, again)):
            theirs = let_in(there)
            order(rpc.COPY, here, there)
            agent.unexport(unexport_of(theirs), WORK)
        assert (files.read(in_file.ref), bench.read(again.ref)) == ("after", "after")
        for spec in (had, in_ceph, in_file, again):
            agent.delete(spec.ref, WORK)
        assert list(files.census()) == []
    finally:
        files.close()
        bench.close()
