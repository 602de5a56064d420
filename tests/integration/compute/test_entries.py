"""Ways in: a guest reaches another host's volume on a socket of its own, whoever dies."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError, Unguarded
from compute.drivers.libvirt.entries import Entries
from compute.objects import DiskSource, GuestDisk
from operations.certificates import Authority, new_authority, write_certificate
from tests.builders.encrypted_bench import KEY
from tests.builders.guests import make_guest
from tests.builders.volume_bench import SIZE, FileBench, export_of, unexport_of
from volume.objects import ExportRequest, ResizeRequest, VolumeEncryption, VolumeSpec

WORK = Unguarded()
LIST, STARTTLS, INFO, GO, STRUCTURED = 3, 5, 6, 7, 8  # what NBD's clients ask for
ACK, FAILED, UNSUPPORTED = 1, 0x80000000, 0x80000001
GUEST, SERIAL = "0d9ad8a2-7a2e-4d1c-8d0c-0f3c9a1f5a11", "volume-1"


class World:
    """Host h1 serves a volume; host h2 has the guest."""

    def __init__(self, place: Path, passphrase: str = "") -> None:
        authority = Authority(new_authority())
        for name in ("h1", "h2"):
            write_certificate(authority, name, place / name)
        self.bench = FileBench(place / "h1")
        self.entries = Entries(self.bench.directory / "entries", place / "h2")
        secret = VolumeEncryption(passphrase=passphrase) if passphrase else None
        self.spec: VolumeSpec = self.bench.spec(encryption=secret)
        self.bench.driver.create(self.spec, image=None, work=WORK)
        self.request: ExportRequest = export_of(self.spec, "h2", passphrase=passphrase)

    def disk(self) -> GuestDisk:
        """The disk as the control plane words it, after the volume was exported."""
        told = self.bench.driver.export(self.request, work=WORK)
        source = DiskSource(
            kind="nbd_tls",
            address=told.address,
            port=told.port,
            export=told.export,
            tls_name=told.tls_name,
        )
        return GuestDisk(name="data", size=SIZE, source=source, serial=SERIAL)

    def write(self, disk: GuestDisk, word: str) -> bool:
        assert disk.source is not None
        assert disk.source.kind == "nbd_unix"
        target = f"nbd+unix:///{disk.source.export}?socket={disk.source.path}"
        return self.bench.write_to([target], word)


@contextmanager
def world_of(place: Path, passphrase: str = "") -> Iterator[World]:
    made = World(place, passphrase)
    yield made
    made.entries.drop_everything()
    made.bench.close()


def kill(entries: Entries) -> None:
    """All of them die at once."""
    process.kill(entries.processes(), exe=Path(sys.executable).resolve().name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_of(tmp_path) as made:
        yield made


def test_an_encrypted_volume_is_reached_which_is_read_by_sectors(tmp_path: Path) -> None:
    with world_of(tmp_path, KEY) as world:
        entered = world.entries.of(GUEST, world.disk())
        assert world.write(entered, "in sectors")


def test_a_guest_writes_through_a_socket_that_stays_its_own(world: World) -> None:
    disk = world.disk()
    spec = world.entries.through(make_guest(id=GUEST, disks=(GuestDisk(size=1), disk)))
    own, entered = spec.disks
    assert own == GuestDisk(size=1)
    assert world.entries.of(GUEST, disk) == entered
    assert world.write(entered, "first")
    socket = Path(entered.source.path)  # type: ignore[union-attr]
    os.chown(socket, 12345, 12345)
    kill(world.entries)
    world.entries.tend()
    assert (socket.stat().st_uid, socket.stat().st_mode & 0o777) == (12345, 0o600)
    assert world.write(entered, "second")

    larger = ResizeRequest(volume=world.spec.ref, size=2 * SIZE)
    world.bench.driver.resize(larger, work=WORK)
    world.entries.renew(GUEST, SERIAL)
    seen = process.run(
        "qemu-img",
        "info",
        f"nbd+unix:///{entered.source.export}?socket={socket}",  # type: ignore[union-attr]
    )
    assert f"{2 * SIZE} bytes" in seen.text
    assert world.write(entered, "third")
    target = f"nbd+unix:///{entered.source.export}?socket={socket}"  # type: ignore[union-attr]
    work = ("write -P 9 4k 3M", "read -P 9 4k 3M", "read -P 9 5k 70k", "read -P 9 8k 1", "flush")
    process.run(
        "qemu-io", "-f", "raw", target, *(word for one in work for word in ("-c", one))
    )  # pieces of every size

    world.bench.driver.unexport(unexport_of(world.request), work=WORK)
    for _ in range(2):
        world.entries.drop(GUEST, SERIAL)
    assert list(world.entries.census()) == []
    assert world.bench.read(world.spec.ref) == "third"


def test_a_guest_reaches_its_own_export_and_no_other_of_that_server(world: World) -> None:
    disk = world.disk()
    entered = world.entries.of(GUEST, disk)
    assert entered.source is not None
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(entered.source.path)
        line.settimeout(10)
        assert line.recv(18, socket.MSG_WAITALL)[:16] == b"NBDMAGICIHAVEOPT"
        line.sendall(struct.pack(">I", 3))

        def asks(option: int, name: str | None) -> list[int]:
            """Return the kinds of all that is answered."""
            data = b"" if name is None else struct.pack(">I", len(name)) + name.encode() + bytes(2)
            line.sendall(b"IHAVEOPT" + struct.pack(">II", option, len(data)) + data)
            kinds: list[int] = []
            while not kinds or (kinds[-1] != ACK and kinds[-1] < FAILED):
                magic, of, kind, size = struct.unpack(">QIII", line.recv(20, socket.MSG_WAITALL))
                assert (magic, of) == (0x3E889045565A9, option)
                line.recv(size, socket.MSG_WAITALL)
                kinds.append(kind)
            return kinds

        own = entered.source.export
        assert asks(STRUCTURED, None) == [ACK]
        assert asks(LIST, None) == [UNSUPPORTED]
        assert asks(STARTTLS, None) == [UNSUPPORTED]
        for name in ("", "another", f"{own}x", own[:-1]):
            assert asks(GO, name) == [UNSUPPORTED]
        assert asks(INFO, own)[-1] == ACK
        assert asks(GO, own)[-1] == ACK
    with socket.socket(socket.AF_UNIX) as line:  # who speaks something else is not listened to
        line.connect(entered.source.path)
        line.settimeout(10)
        line.recv(18, socket.MSG_WAITALL)
        line.sendall(b"GET ")
        assert line.recv(1) == b""


def test_what_cannot_be_reached_is_said_and_all_of_a_guest_goes_at_once(world: World) -> None:
    disk = world.disk()
    world.entries.of(GUEST, disk)
    world.entries.of(GUEST, disk.model_copy(update={"serial": "volume-2"}))
    world.entries.of("another guest", disk)
    world.entries.drop(GUEST)
    assert len(world.entries.processes()) == 1
    world.entries.drop("another guest")
    assert list(world.entries.census()) == []
    world.bench.driver.unexport(unexport_of(world.request), work=WORK)
    with pytest.raises(TransientDriverError):
        world.entries.of(GUEST, disk)
    nobody = Entries(world.bench.directory / "entries", world.bench.directory / "nothing")
    with pytest.raises(DriverError, match="certificate"):
        nobody.of(GUEST, disk)


def test_one_of_an_earlier_version_is_kept_until_its_disk_goes(world: World) -> None:
    here = world.bench.directory / "entries"
    here.mkdir()
    socket_path = world.entries._socket(GUEST, SERIAL, SERIAL)
    words = ["qemu-nbd", "--fork", "--persistent", f"--socket={socket_path}"]
    words += [f"--pid-file={socket_path}.pid", "--image-opts", "driver=null-co,size=1048576"]
    socket_path.with_name(f"{socket_path.name}.json").write_text(json.dumps(words))
    for _ in range(2):  # begun again, as after it died; then left alone
        world.entries.tend()
        (pid,) = world.entries.processes("qemu-nbd")
    assert process.read_pid(Path(f"{socket_path}.pid")) == pid
    world.entries.drop(GUEST, SERIAL)
    assert list(world.entries.census()) == []
