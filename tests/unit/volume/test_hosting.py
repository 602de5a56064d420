"""How a host gets its back ends, keeps them apart from what is in their place, and leaves nothing behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb.driver import DriverError, Unguarded
from volume.hosting import build_agent, build_drivers
from volume.objects import VolumeRef, VolumeSpec


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    sockets = Path(tempfile.mkdtemp(prefix="v", dir="/tmp"))  # their paths are short
    monkeypatch.setattr("volume.drivers.file.config.RUN_DIR", sockets)
    monkeypatch.setenv("DRIVERS", "real")
    monkeypatch.setenv("VOLUME_BACKENDS", "file, fast")
    monkeypatch.setenv("VOLUME_FAST_DRIVER", "file")
    monkeypatch.setenv("VOLUME_FAST_DIRECTORY", str(tmp_path / "mount"))
    yield
    shutil.rmtree(sockets)


def make(backend: str) -> VolumeSpec:
    return VolumeSpec(ref=VolumeRef(id="v1", backend=backend), size=1 << 20)


def test_back_ends_are_as_settings_say_and_leave_nothing_behind(tmp_path: Path) -> None:
    agent = build_agent(host="h1", directory=tmp_path / "h1")
    assert list(agent.init_host()) == []
    for name in ("file", "fast"):
        agent.create(make(name), Unguarded())
    pools = {pool.backend: pool for pool in agent.report(full=True).pools or ()}
    assert {name: bool(pool.storage_id) for name, pool in pools.items()} == {
        "file": False,
        "fast": True,
    }
    other = build_agent(host="h2", directory=tmp_path / "h2")
    other.init_host()
    (same,) = {pool.storage_id for pool in other.report(full=True).pools or ()} - {""}
    assert same == pools["fast"].storage_id
    assert list(other.drivers["fast"].list()) == []  # each host has a pool of its own there
    agent.leave_host()
    left = [path for path in tmp_path.rglob("*-v1*") if not path.is_dir()]
    assert left == []


def test_a_directory_that_is_not_mounted_is_not_taken_for_the_pool(
    tmp_path: Path,
) -> None:
    mount, away = tmp_path / "mount", tmp_path / "away"
    agent = build_agent(host="h1", directory=tmp_path / "h1")
    agent.init_host()
    agent.create(make("fast"), Unguarded())
    mount.rename(away)
    mount.mkdir()
    agent = build_agent(host="h1", directory=tmp_path / "h1")
    (problem,) = agent.init_host()
    assert "mounted" in problem
    for refused in (agent.create, lambda spec, work: agent.delete(spec.ref, work)):
        with pytest.raises(DriverError, match="mounted"):
            refused(make("fast"), Unguarded())
    assert [pool.backend for pool in agent.report(full=True).pools or ()] == ["file"]
    (mount / "h1" / ".pool").unlink(missing_ok=True)
    (mount / "h1").rmdir()
    (mount / ".storage").unlink()
    mount.rmdir()
    away.rename(mount)
    agent.start_backends()
    assert [one.id for one in agent.drivers["fast"].list()] == ["v1"]


def test_a_back_end_without_a_driver_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLUME_BACKENDS", "tape")
    with pytest.raises(DriverError, match="VOLUME_TAPE_DRIVER"):
        build_drivers(host="h1", directory=tmp_path)
