"""LVM: what the driver says to it, word for word, and what it makes of what LVM says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import DiskFull, DriverError, Unguarded
from cloudweb.process import CommandFailed, Completed
from tests.builders.lvm_bench import LvmBench
from tests.builders.volume_bench import SIZE, export_of, snapshot_of, unexport_of
from volume.backups.objects import BackupPoint
from volume.drivers.lvm.group import Group, Usage
from volume.objects import ResizeRequest, VolumeSpec

WORK = Unguarded()
LVS = ("lvs --reportformat json --units b --nosuffix --options "
       "lv_name,lv_size,data_percent,metadata_percent,lv_active,lv_tags,pool_lv,lv_permissions,"
       "lv_device_open vg")  # fmt: skip
KEEP = "lvcreate --yes --snapshot --setactivationskip y --activate n --name"
COPY = "lvcreate --yes --snapshot --setactivationskip n --activate y --name"
#: As lvm2 2.03.16 said it in a guest, with two volumes that are somebody else's.
REPORT = """
  {
      "report": [
          {
              "lv": [
                  {"lv_name":"pool", "lv_size":"838860800", "data_percent":"2.50", "metadata_percent":"1.32", "lv_active":"active", "lv_tags":"", "pool_lv":"", "lv_permissions":"writeable", "lv_device_open":""},
                  {"lv_name":"root", "lv_size":"4194304", "data_percent":"", "metadata_percent":"", "lv_active":"active", "lv_tags":"mine", "pool_lv":"", "lv_permissions":"writeable", "lv_device_open":""},
                  {"lv_name":"shop", "lv_size":"4194304", "data_percent":"0.00", "metadata_percent":"", "lv_active":"active", "lv_tags":"", "pool_lv":"pool", "lv_permissions":"read-only", "lv_device_open":"open"},
                  {"lv_name":"volume-a", "lv_size":"209715200", "data_percent":"10.00", "metadata_percent":"", "lv_active":"active", "lv_tags":"cloudweb,cloudweb.volume=a", "pool_lv":"pool", "lv_permissions":"writeable", "lv_device_open":""},
                  {"lv_name":"kept-s", "lv_size":"209715200", "data_percent":"10.00", "metadata_percent":"", "lv_active":"", "lv_tags":"cloudweb,cloudweb.volume=a", "pool_lv":"pool", "lv_permissions":"writeable", "lv_device_open":""}
              ]
          }
      ]
  }
"""  # noqa: E501


@pytest.fixture
def bench() -> Iterator[LvmBench]:
    made = LvmBench()
    yield made
    made.close()


def make(bench: LvmBench, **overrides: Any) -> VolumeSpec:
    spec = bench.spec(**overrides)
    bench.driver.create(spec, image=None, work=WORK)
    return spec


def said(bench: LvmBench, names: dict[str, str]) -> list[str]:
    """Return what was said to LVM but for questions, with words for ids; forget it."""
    lines = [" ".join(command) for command in bench.lvm.commands]
    bench.lvm.commands.clear()
    for name, word in names.items():
        lines = [line.replace(name, word) for line in lines]
    return [line for line in lines if line != LVS]


def test_what_is_said_to_lvm(bench: LvmBench) -> None:
    spec = make(bench)
    snapshot, copy = snapshot_of(spec), bench.spec(source=spec.ref, size=2 * SIZE)
    point = BackupPoint(id="p", source=spec.ref)
    names = {spec.ref.id: "V", snapshot.id: "S", copy.ref.id: "C"}
    tags = "--addtag cloudweb --addtag cloudweb.volume="
    assert said(bench, names) == [
        f"lvcreate --yes --thinpool pool --virtualsize 8388608b --name volume-V {tags}V vg"
    ]
    driver = bench.driver
    driver.resize(ResizeRequest(volume=spec.ref, size=2 * SIZE), work=WORK)
    assert said(bench, names) == ["lvextend --yes --size 16777216b vg/volume-V"]
    driver.snapshot(snapshot, work=WORK)
    assert said(bench, names) == [f"{KEEP} kept-S {tags}V vg/volume-V"]
    driver.create(copy, image=None, work=WORK)
    assert said(bench, names) == [
        f"{COPY} making-C {tags}C vg/volume-V",
        "lvrename --yes vg making-C volume-C",
    ]
    driver.revert(snapshot, work=WORK)
    assert said(bench, names) == [
        f"{COPY} next-V {tags}V vg/kept-S",
        "lvrename --yes vg volume-V old-V",
        "lvrename --yes vg next-V volume-V",
        "lvremove --yes vg/old-V",
    ]
    driver.hold_point(point, work=WORK)
    with driver.reading(point):
        pass
    driver.release_point(point, work=WORK)
    assert said(bench, names) == [
        f"{KEEP} point-p {tags}V vg/volume-V",
        "lvchange --yes --activate y --ignoreactivationskip vg/point-p",
        "lvchange --yes --activate n vg/point-p",
        "lvremove --yes vg/point-p",
    ]
    driver.delete_snapshot(snapshot, work=WORK)
    driver.delete(copy.ref, work=WORK)
    assert said(bench, names) == ["lvremove --yes vg/kept-S", "lvremove --yes vg/volume-C"]


def test_what_lvm_says_is_read() -> None:
    def run(*command: str, **_: Any) -> Completed:
        assert " ".join(command) == LVS
        return Completed(0, REPORT.encode(), b"")

    group = Group("vg", "pool", run=run)
    (other,) = group.others().values()
    assert (other.name, other.opened, other.writable) == ("shop", True, False)
    found, usage = group.look()
    assert {name: (one.size, one.active, one.volume_id) for name, one in found.items()} == {
        "volume-a": (209715200, True, "a"),
        "kept-s": (209715200, False, "a"),
    }
    assert usage == Usage(838860800, 0.025, 0.0132)
    with pytest.raises(DriverError, match="no thin pool vg/other"):
        Group("vg", "other", run=run).look()


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ("Free space in pool vg/pool is above threshold; new volumes are not allowed.", DiskFull),
        ("Volume group vg has insufficient free space (0 extents): 1 required.", DiskFull),
        ('Volume group "vg" not found', CommandFailed),
    ],
)
def test_what_lvm_complains_of(output: str, error: type[Exception]) -> None:
    def run(*command: str, **_: Any) -> Completed:
        raise CommandFailed(command, 5, output)

    with pytest.raises(error):
        Group("vg", "pool", run=run).create("volume-a", SIZE, volume_id="a")


def test_a_group_that_is_not_there_is_named() -> None:
    def run(*command: str, **_: Any) -> Completed:
        raise CommandFailed(command, 5, 'Volume group "vg" not found')

    with pytest.raises(DriverError, match="group vg cannot be looked at"):
        Group("vg", "pool", run=run).look()


def test_a_report_that_is_none_is_an_error() -> None:
    group = Group("vg", "pool", run=lambda *_, **__: Completed(0, json.dumps([]).encode(), b""))
    with pytest.raises(DriverError):
        group.look()


def test_who_died_between_two_names_is_followed_by_who_finishes(
    bench: LvmBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volume is never without what it holds, and never gone."""

    rename = Group.rename

    def dying_at(name: str) -> Any:
        def die(self: Group, old: str, new: str) -> None:
            if old.startswith(name):
                raise RuntimeError
            rename(self, old, new)

        return die

    for name in ("volume-", "next-"):
        spec = make(bench)
        bench.write(spec.ref, "then")
        snapshot = snapshot_of(spec)
        bench.driver.snapshot(snapshot, work=WORK)
        bench.write(spec.ref, "now")
        with monkeypatch.context() as patch:
            patch.setattr(Group, "rename", dying_at(name))
            with pytest.raises(RuntimeError):
                bench.driver.revert(snapshot, work=WORK)
        bench.restart()
        assert bench.read(spec.ref) == ("now" if name == "volume-" else "then")
        bench.driver.revert(snapshot, work=WORK)
        assert bench.read(spec.ref) == "then"
        bench.driver.delete_snapshot(snapshot, work=WORK)
        bench.driver.delete(spec.ref, work=WORK)
        bench.driver.tidy(lambda *_: nullcontext())
    assert list(bench.census()) == []


def test_a_daemon_is_told_of_room_that_its_device_got_from_who_died_over_that(
    bench: LvmBench,
) -> None:
    spec = make(bench)
    request = export_of(spec, "h1")
    connection = bench.driver.export(request, work=WORK)
    bench.driver.group.extend(f"volume-{spec.ref.id}", 2 * SIZE)
    larger = ResizeRequest(volume=spec.ref, size=2 * SIZE)
    assert bench.driver.resize(larger, work=WORK).size == 2 * SIZE
    size = process.run("qemu-img", "info", "--output=json", *bench.client(connection)).stdout
    assert json.loads(size)["virtual-size"] == 2 * SIZE
    bench.driver.unexport(unexport_of(request), work=WORK)


def test_a_pool_that_is_nearly_full_is_a_problem(bench: LvmBench) -> None:
    assert bench.driver.problems() == []
    bench.lvm.taken = 96.0
    (problem,) = bench.driver.problems()
    assert "vg/pool is full to 96%" in problem
    (pool,) = bench.driver.pools()
    assert pool.free < pool.total // 20
