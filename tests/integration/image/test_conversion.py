"""Disks of other hypervisors become qcow2 or raw, byte for byte, under limits, or nothing does."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.stores.exceptions import StoreFull
from image import conversion
from image.conversion import convert, target_format
from image.exceptions import ImageNotConverted, ImageRefused, ImageTooLarge
from image.formats import Opened
from image.inspection import inspect_file
from tests.builders import disks
from tests.builders.hostile_images import HOSTILE

MIB = 1024**2
SIZE = 16 * MIB
LIMITS = process.Limits(memory=1024 * MIB, seconds=120, file_size=64 * MIB)
MADE = {
    "vmdk": ("vmdk", "vmdk"),
    "stream-optimized vmdk": ("vmdk", "vmdk", "-o", "subformat=streamOptimized"),
    "vdi": ("vdi", "vdi"),
    "static vdi": ("vdi", "vdi", "-o", "static=on"),
    "vhd": ("vhd", "vpc"),
    "fixed vhd": ("vhd", "vpc", "-o", "subformat=fixed"),
    "vhdx": ("vhdx", "vhdx"),
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A disk with data, holes, and more data at its end."""
    path = tmp_path / "raw"
    with path.open("wb") as file:
        file.write(random.Random(7).randbytes(3 * MIB))
        file.seek(SIZE - 65536)
        file.write(b"the end".ljust(65536, b"."))
    return path


def made(raw: Path, name: str) -> tuple[str, Path]:
    disk_format, *options = MADE[name]
    path = raw.with_name("made")
    process.run("qemu-img", "convert", "-f", "raw", "-O", *options, str(raw), str(path))
    return disk_format, path


def content(path: Path, disk_format: str) -> bytes:
    """The disk inside, as QEMU reads it."""
    out = path.with_name("content")
    process.run("qemu-img", "convert", "-f", disk_format, "-O", "raw", str(path), str(out))
    return out.read_bytes()


@pytest.mark.parametrize("to", ["qcow2", "raw"])
@pytest.mark.parametrize("name", MADE)
def test_a_disk_stays_the_same_disk(raw: Path, name: str, to: Opened) -> None:
    disk_format, path = made(raw, name)
    target, said = raw.with_name("target"), list[int]()
    with path.open("rb") as source:
        size = inspect_file(
            source, disk_format=disk_format, container_format="bare", max_virtual_size=SIZE * 2
        )
        convert(source, target, disk_format=disk_format, to=to, limits=LIMITS, progress=said.append)
    with target.open("rb") as file:
        found = inspect_file(
            file, disk_format=to, container_format="bare", max_virtual_size=SIZE * 2
        )
    assert found == size
    after = content(target, to)
    assert len(after) == size
    assert after[:SIZE] == raw.read_bytes()
    assert not any(after[SIZE:])
    assert said == sorted(said)
    assert said[-1] == 100


@pytest.mark.parametrize(
    "name",
    [name for name, case in HOSTILE.items() if case.disk_format in ("vmdk", "vdi", "vhd", "vhdx")],
)
def test_no_tool_opens_a_hostile_disk(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "run_limited", lambda *a, **b: pytest.fail("a tool was started"))
    case = HOSTILE[name]
    path = tmp_path / "source"
    path.write_bytes(case.make())
    with path.open("rb") as source, pytest.raises(ImageRefused):
        convert(source, tmp_path / "target", disk_format=case.disk_format, to="raw", limits=LIMITS)
    assert [one.name for one in tmp_path.iterdir()] == ["source"]


def test_the_tool_itself_follows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even were our own checks wrong: a parent that a VMDK names is not opened."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"root:$6$secret".ljust(MIB, b"!"))
    path = tmp_path / "source"
    path.write_bytes(HOSTILE["vmdk: parent"].make().replace(b'"/etc/shadow"', b'"./secret"   '))
    monkeypatch.setattr(conversion, "inspect_file", lambda *a, **b: 0)
    target = tmp_path / "target"
    with path.open("rb") as source:
        convert(source, target, disk_format="vmdk", to="raw", limits=LIMITS)
    assert b"secret" not in target.read_bytes()


def test_a_hostile_disk_inside_a_disk_does_not_come_out(tmp_path: Path) -> None:
    inner, path, target = tmp_path / "inner", tmp_path / "source", tmp_path / "target"
    inner.write_bytes(disks.qcow2(backing=b"/etc/shadow"))
    process.run("qemu-img", "convert", "-f", "raw", "-O", "vdi", str(inner), str(path))
    with path.open("rb") as source, pytest.raises(ImageRefused, match="content is qcow2"):
        convert(source, target, disk_format="vdi", to="raw", limits=LIMITS)
    assert not target.exists()


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (process.Limits(memory=1024 * MIB, seconds=120, file_size=MIB), ImageTooLarge),
        (process.Limits(memory=100 * MIB, seconds=120, file_size=64 * MIB), ImageNotConverted),
    ],
)
def test_a_limit_ends_it(raw: Path, limits: process.Limits, error: type[Exception]) -> None:
    disk_format, path = made(raw, "vmdk")
    target = raw.with_name("target")
    with path.open("rb") as source, pytest.raises(error):
        convert(source, target, disk_format=disk_format, to="raw", limits=limits)
    assert not target.exists()


@pytest.mark.parametrize(
    ("returncode", "output", "error"),
    [
        (124, "no end", ImageNotConverted),
        (-24, "", ImageNotConverted),
        (1, "error while writing: No space left on device", StoreFull),
        (1, "error while writing: File too large", ImageTooLarge),
        (1, "Invalid data", ImageNotConverted),
    ],
)
def test_what_a_failure_means(
    raw: Path,
    monkeypatch: pytest.MonkeyPatch,
    returncode: int,
    output: str,
    error: type[Exception],
) -> None:
    disk_format, path = made(raw, "vdi")
    target = raw.with_name("target")

    def fails(*command: str, **_: Any) -> None:
        target.write_bytes(b"half")
        raise process.CommandFailed(command, returncode, output)

    monkeypatch.setattr(process, "run_limited", fails)
    with path.open("rb") as source, pytest.raises(error) as caught:
        convert(source, target, disk_format=disk_format, to="qcow2", limits=LIMITS)
    assert str(raw.parent) not in str(caught.value)
    assert not target.exists()


def test_who_asked_may_end_it(raw: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(percent: int) -> None:
        raise Stopped

    disk_format, path = made(raw, "vdi")
    target = raw.with_name("target")
    with path.open("rb") as source, pytest.raises(Stopped):
        convert(source, target, disk_format=disk_format, to="qcow2", limits=LIMITS, progress=stop)
    assert not target.exists()


def test_a_tool_that_never_ends_is_killed(tmp_path: Path) -> None:
    limits = process.Limits(memory=1024 * MIB, seconds=1, file_size=MIB)
    with pytest.raises(process.CommandFailed) as caught:
        process.run_limited("sleep", "1000", limits=limits, cwd=tmp_path)
    assert caught.value.returncode == 124


def test_a_limited_command_has_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://user:password@host/name")
    script = "env; cat /proc/self/status; ulimit -a; cat /proc/net/dev"
    out = process.run_limited("bash", "-c", script, limits=LIMITS, cwd=tmp_path).text
    assert "password" not in out
    assert "NoNewPrivs:\t1" in out
    assert "CapEff:\t0000000000000000" in out
    assert f"{LIMITS.memory // 1024}" in out
    if process._offline():
        assert [line.split(":")[0].strip() for line in out.splitlines() if ": " in line][-1] == "lo"


def test_output_is_kept_from_its_end(tmp_path: Path) -> None:
    heard = io.BytesIO()
    done = process.run_limited(
        "bash", "-c", "yes | head -c 1000000; echo done", limits=LIMITS, cwd=tmp_path,
        on_output=heard.write,
    )  # fmt: skip
    assert done.stdout.endswith(b"done\n")
    assert len(done.stdout) == 64 * 1024
    assert len(heard.getvalue()) == 1_000_005


@pytest.mark.parametrize(
    ("disk_format", "container_format", "setting", "to"),
    [
        ("vmdk", "bare", "qcow2", "qcow2"),
        ("vdi", "ovf", "raw", "raw"),
        ("vhd", "bare", "", None),
        ("vhdx", "bare", "qcow2", "qcow2"),
        ("vmdk", "ova", "qcow2", None),
        ("qcow2", "bare", "raw", None),
        ("raw", "bare", "qcow2", None),
        ("iso", "bare", "qcow2", None),
        ("aki", "aki", "qcow2", None),
    ],
)
def test_what_an_import_converts(
    settings: Any, disk_format: str, container_format: str, setting: str, to: str | None
) -> None:
    settings.IMAGE_CONVERT_TO = setting
    assert target_format(disk_format, container_format) == to
