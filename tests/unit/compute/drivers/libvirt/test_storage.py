"""Guests' files: shared bases, whole disks or none, errors that say what is wrong."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from cloudweb import process
from cloudweb.driver import DiskFull, DriverError, TransientDriverError
from compute.drivers.libvirt import storage as module
from compute.drivers.libvirt.files import GuestFiles
from compute.drivers.libvirt.storage import Storage, host_errors, reachable
from compute.objects import DirectBoot, GuestDisk
from tests.builders.guests import MIB, make_guest, make_image

needs_qemu_img = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-img")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    made = Storage(tmp_path / "state", tmp_path / "run")
    made.prepare(os.getuid(), os.getgid())
    return made


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "cache"
    process.run("qemu-img", "create", "-q", "-f", "qcow2", str(path), "8M")
    return path


def home_of(storage: Storage) -> GuestFiles:
    files = storage.files("g1")
    storage.make_home(files)
    return files


def described(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        process.run("qemu-img", "info", "--output=json", str(path)).text
    )
    return found


@needs_qemu_img
def test_a_disk_is_an_overlay_that_keeps_its_base_alive(storage: Storage, image: Path) -> None:
    files, disk = home_of(storage), GuestDisk(image=make_image(virtual_size=8 * MIB), size=32 * MIB)
    storage.make_disk(files, disk, {"demo": image})
    before = image.read_bytes()
    image.unlink()  # the cache dropped it
    info = described(files.disk(disk))
    assert info["virtual-size"] == 32 * MIB
    assert info["backing-filename"] == "root.base"
    process.run("qemu-img", "check", "-q", str(files.disk(disk)))
    assert files.base(disk).read_bytes() == before
    assert {path.name for path in files.home.iterdir()} == {"root.qcow2", "root.base"}


@needs_qemu_img
def test_a_disk_that_is_there_is_kept(storage: Storage, image: Path) -> None:
    files, disk = home_of(storage), GuestDisk(image=make_image(virtual_size=8 * MIB), size=0)
    storage.make_disk(files, disk, {"demo": image})
    assert described(files.disk(disk))["virtual-size"] == 8 * MIB
    files.disk(disk).write_bytes(b"the guest's data")
    storage.make_disk(files, disk, {})
    assert files.disk(disk).read_bytes() == b"the guest's data"


@needs_qemu_img
def test_a_disk_too_small_for_its_image_is_final(storage: Storage, image: Path) -> None:
    disk = GuestDisk(image=make_image(virtual_size=8 * MIB), size=4 * MIB)
    with pytest.raises(DriverError) as caught:
        storage.make_disk(home_of(storage), disk, {"demo": image})
    assert not isinstance(caught.value, TransientDriverError)


def test_an_image_that_is_not_there_may_be_elsewhere(storage: Storage) -> None:
    with pytest.raises(TransientDriverError):
        storage.make_disk(home_of(storage), GuestDisk(image=make_image(), size=0), {})


def test_a_base_on_another_file_system_is_copied_once_it_was_pointed_at(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    files = home_of(storage)
    source, target = tmp_path / "base", files.home / "root.base"
    source.write_bytes(b"x")
    for _ in range(2):
        storage.link(source, files, target)
        assert (target.is_symlink(), target.read_bytes()) == (False, b"x")
    target.unlink()
    target.symlink_to(source)  # as older versions did it; the cache is closed to guests now
    storage.hand_over(files, make_guest(id="g1", disks=()))
    assert (target.is_symlink(), target.read_bytes()) == (False, b"x")


def test_complete_for_needs_every_file_of_a_boot(storage: Storage) -> None:
    spec = make_guest(
        id="g1", direct_boot=DirectBoot(kernel=make_image(id="k"), ramdisk=make_image(id="r"))
    )
    files = storage.files(spec.id)
    assert not files.complete_for(spec)
    storage.make_home(files)
    for path in (files.disk(spec.disks[0]), files.kernel, files.ramdisk):
        assert not files.complete_for(spec)
        path.touch()
    assert files.complete_for(spec)


def test_remove_is_absent_ensure(storage: Storage) -> None:
    files = home_of(storage)
    files.console_log.touch()
    files.console_socket.touch()
    assert storage.guests() == ["g1"]
    for _ in range(2):
        storage.remove(files)
        assert storage.guests() == []
        assert not files.console_socket.exists()


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "../x", "a\0b", "x" * 65])
def test_names_cannot_leave_the_directory(storage: Storage, name: str) -> None:
    with pytest.raises(DriverError):
        storage.files(name)


def test_a_full_disk_is_found_before_anything_is_made(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.check_room()
    full = SimpleNamespace(free=module.RESERVE - 1, total=1)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: full)
    with pytest.raises(DiskFull) as caught:
        storage.check_room()
    assert str(storage.directory) in caught.value.detail
    assert str(storage.directory) not in caught.value.message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "full"), DiskFull),
        (PermissionError(errno.EACCES, "no"), TransientDriverError),
        (process.CommandFailed(["qemu-img"], 1, "No space left on device"), DiskFull),
        (process.CommandFailed(["qemu-img"], 1, "else"), process.CommandFailed),
    ],
)
def test_errors_of_the_host(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind), host_errors():
        raise error


def test_who_can_reach_a_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert reachable(tmp_path, 0, 0)
    assert not reachable(tmp_path, 64055, 64055)
    assert reachable(Path("/usr"), 64055, 64055)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Storage, Storage]:
    """Two hosts whose guests' directory is the same, and another file system than what each keeps itself."""
    monkeypatch.setattr(Storage, "may_be_shared", property(lambda one: one.directory.exists()))
    (tmp_path / "disks").mkdir()

    def host(name: str) -> Storage:
        (tmp_path / name).mkdir()
        (tmp_path / name / "guests").symlink_to(tmp_path / "disks")
        made = Storage(tmp_path / name, tmp_path / f"{name}-run", name)
        made.prepare(os.getuid(), os.getgid())
        return made

    return host("ha"), host("hb")


def test_hosts_that_share_a_directory_have_guests_of_their_own(
    two: tuple[Storage, Storage],
) -> None:
    here, there = two
    files, coming = home_of(here), home_of(there)
    assert (here.guests(), there.guests()) == (["g1"], [])
    assert coming.screen_socket != files.screen_socket
    assert there.is_others(coming)
    there.remove(coming)  # it did not come
    there.remove_all()
    assert files.home.exists()
    assert here.guests() == ["g1"]


def test_who_a_guest_came_to_has_its_files(two: tuple[Storage, Storage]) -> None:
    here, there = two
    files, came = home_of(here), home_of(there)
    there.claim(came)
    assert (here.guests(), there.guests()) == ([], ["g1"])
    here.remove(files)
    here.remove_all()
    assert came.home.exists()
    there.remove(came)
    there.remove_all()
    assert [*there.directory.iterdir()] == []


def test_drafts_are_on_the_file_system_of_guests(two: tuple[Storage, Storage]) -> None:
    here, there = two
    assert here.drafts != there.drafts
    for one in two:
        assert one.draft(one.files("g1"), "disk").parent.parent == one.directory
