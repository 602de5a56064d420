"""Room: data on its way stays within the project's quota and leaves the disk its reserve."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.exceptions import QuotaExceeded
from cloudweb.stores import room
from cloudweb.stores.exceptions import StoreFull
from identity import quotas
from image import quotas as image_quotas
from image.manager import ImageManager
from image.manager.imports import ImageImportManager
from image.models import Image
from image.operations import converting
from operations.history import operations_of
from operations.testing import Cloud
from tests.builders.images import PROJECT, RAW, caller, make_image
from tests.builders.sound_images import SOUND
from tests.builders.stores import file_settings
from tests.builders.web import web_server

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
MIB = 1024**2


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Path:
    settings.IMAGE_STORES = {"one": file_settings(tmp_path / "one")}
    settings.IMAGE_STAGING = tmp_path / "staging"
    settings.IMAGE_DOWNLOAD_ALLOW = ["127.0.0.1/32"]
    return tmp_path


def left_behind(places: Path) -> list[str]:
    found = [places / "one", places / "staging"]
    return [path.name for root in found for path in root.rglob("*") if path.is_file()]


class Endless:
    """A stream that goes on for 200 MiB; ``between`` is called before each MiB is given."""

    def __init__(self, between: Callable[[int], None] = lambda _: None) -> None:
        self.served, self.between = 0, between

    def read(self, size: int, /) -> bytes:
        if self.served >= 200 * MIB:
            return b""
        size = min(size, MIB)
        self.served += size
        self.between(self.served)
        return bytes(size)


@pytest.mark.parametrize("how", ["upload", "stage"])
def test_data_over_the_quota_is_cut_off_as_it_comes(places: Path, how: str) -> None:
    quotas.update(PROJECT, "image", {"image_size_total": 2})
    image, stream = make_image(), Endless()
    for size, served in ((None, 3 * MIB), (3 * MIB, 0)):  # an announced length: not a byte is read
        stream.served = 0
        with pytest.raises(QuotaExceeded, match="image_size_total"):
            getattr(ImageManager(caller()), how)(image.id, stream, size=size)
        assert stream.served == served
        assert left_behind(places) == []
        found = Image.objects.get(id=image.id)
        assert (found.status, found.size, found.incoming_size) == ("queued", 0, 0)
    getattr(ImageManager(caller()), how)(image.id, io.BytesIO(bytes(2 * MIB)))
    assert image_quotas.used(PROJECT)["image_size_total"] == 2


def test_uploads_at_once_share_one_quota(places: Path) -> None:
    quotas.update(PROJECT, "image", {"image_size_total": 5})
    first, second, third = make_image(), make_image(), make_image()
    seen: list[object] = []

    def compete(served: int) -> None:
        if served != 2 * MIB:
            return
        for image, size in ((second, 5 * MIB), (third, 2 * MIB)):
            try:
                ImageManager(caller()).upload(image.id, io.BytesIO(bytes(size)), size=size)
            except QuotaExceeded as error:
                seen.append(error.message)
        seen.append(image_quotas.used(PROJECT)["image_size_total"])

    with pytest.raises(QuotaExceeded):
        ImageManager(caller()).upload(first.id, Endless(compete))
    assert "Requested 5, but already used 1 of 5" in str(seen[0])
    assert seen[1:] == [3]
    assert Image.objects.get(id=third.id).status == "active"
    assert image_quotas.used(PROJECT)["image_size_total"] == 2


def test_an_upload_that_died_gives_its_room_back() -> None:
    image = make_image()
    Image.objects.filter(id=image.id).update(
        status="saving", upload_id="u", incoming_size=9 * MIB, upload_seen_at=image.created_at
    )
    ImageManager(caller("admin")).reap()
    assert image_quotas.used(PROJECT)["image_size_total"] == 9  # it is not dead yet
    Image.objects.update(upload_seen_at=image.created_at.replace(year=2020))
    ImageManager(caller("admin")).reap()
    assert image_quotas.used(PROJECT)["image_size_total"] == 0


@pytest.mark.parametrize("announced", [True, False])
def test_a_download_over_the_quota_is_cut_off(
    memory: Cloud, places: Path, settings: Any, announced: bool
) -> None:
    quotas.update(PROJECT, "image", {"image_size_total": 2})
    sent: list[int] = []

    def script(connection: socket.socket, _head: str) -> None:
        length = f"Content-Length: {200 * MIB}\r\n" if announced else ""
        connection.sendall(f"HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n".encode())
        for _ in range(200):
            connection.sendall(bytes(MIB))
            sent.append(MIB)

    image = make_image()
    with web_server(script) as server:
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        ImageImportManager(caller()).start(image.id, method="web-download", uri=server.url)
        memory.settle()
    (entry,) = operations_of("image", str(image.id))
    assert "Quota exceeded for image_size_total" in entry.error
    assert sum(sent) < 40 * MIB  # what sockets hold
    found = Image.objects.get(id=image.id)
    assert (found.status, found.size, found.incoming_size) == ("queued", 0, 0)
    assert left_behind(places) == []


def test_a_disk_that_grows_when_it_is_converted_stays_within_the_quota(
    memory: Cloud, places: Path, settings: Any
) -> None:
    settings.IMAGE_CONVERT_TO = "raw"
    quotas.update(PROJECT, "image", {"image_size_total": 2})
    process.run("qemu-img", "create", "-f", "vmdk", str(places / "disk"), "8M")
    image = make_image(disk_format="vmdk")
    ImageManager(caller()).stage(image.id, io.BytesIO((places / "disk").read_bytes()))
    before = Image.objects.get(id=image.id)
    assert before.virtual_size > 2 * MIB > before.size
    ImageImportManager(caller()).start(image.id, method="glance-direct")
    memory.settle()
    (entry,) = operations_of("image", str(image.id))
    assert "Quota exceeded for image_size_total" in entry.error
    found = Image.objects.get(id=image.id)
    assert (found.status, found.size, found.incoming_size) == ("queued", 0, 0)
    assert left_behind(places) == []


def test_each_copy_counts(memory: Cloud, places: Path, settings: Any) -> None:
    settings.IMAGE_STORES |= {name: file_settings(places / name) for name in ("two", "three")}
    quotas.update(PROJECT, "image", {"image_size_total": 5})
    copied, imported = make_image(data=bytes(MIB)), make_image()
    ImageManager(caller()).stage(imported.id, io.BytesIO(bytes(MIB)), size=MIB)
    imports = ImageImportManager(caller("admin"))
    imports.start(copied.id, method="copy-image", all_stores=True)
    assert image_quotas.used(PROJECT)["image_size_total"] == 4
    with pytest.raises(QuotaExceeded, match="Requested 2, but already used 4 of 5"):
        imports.start(imported.id, method="glance-direct", all_stores=True)
    assert Image.objects.get(id=imported.id).status == "uploading"
    imports.start(imported.id, method="glance-direct", stores=["one", "two"])
    memory.settle()
    found = Image.objects.values_list("status", "stores", "incoming_size").order_by("created_at")
    assert list(found) == [("active", ["one", "two", "three"], 0), ("active", ["one", "two"], 0)]
    assert image_quotas.used(PROJECT)["image_size_total"] == 5


def test_so_many_images_of_a_project_come_in_at_once() -> None:
    quotas.update(PROJECT, "image", {"image_count_uploading": 2})
    first, second, third = make_image(), make_image(), make_image()
    manager, imports = ImageManager(caller()), ImageImportManager(caller())
    manager.stage(first.id, io.BytesIO(RAW))
    seen: list[str] = []

    def compete(_served: int) -> None:
        if seen:
            return
        for begin in (
            lambda: manager.upload(third.id, io.BytesIO(RAW)),
            lambda: manager.stage(third.id, io.BytesIO(RAW)),
            lambda: imports.start(third.id, method="web-download", uri="http://example.org/"),
        ):
            with pytest.raises(QuotaExceeded) as refused:
                begin()
            seen.append(refused.value.message)

    manager.upload(second.id, Endless(compete))
    assert ["image_count_uploading" in text for text in seen] == [True] * 3
    imports.start(first.id, method="glance-direct")  # it was counted already
    manager.upload(third.id, io.BytesIO(RAW))
    dead = make_image()
    Image.objects.filter(id=dead.id).update(
        status="saving", upload_seen_at=dead.created_at.replace(year=2020)
    )
    assert image_quotas.used(PROJECT)["image_count_uploading"] == 1


class Disk:
    """A file system with so much free."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
        self.free = free
        monkeypatch.setattr(room.shutil, "disk_usage", lambda _: self)


@pytest.mark.parametrize("how", ["upload", "stage"])
def test_an_upload_leaves_the_disk_its_reserve(
    places: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    settings.IMAGE_DISK_RESERVE = 100 * MIB
    disk, image = Disk(monkeypatch, free=110 * MIB), make_image()

    def fill(served: int) -> None:
        disk.free = 110 * MIB - served + MIB

    stream = Endless(fill)
    with pytest.raises(StoreFull, match="no room"):
        getattr(ImageManager(caller()), how)(image.id, stream)
    assert stream.served == 11 * MIB
    disk.free, stream.served = 110 * MIB, 0
    with pytest.raises(StoreFull):
        getattr(ImageManager(caller()), how)(image.id, stream, size=11 * MIB)
    assert stream.served == 0
    assert left_behind(places) == []
    assert Image.objects.get(id=image.id).status == "queued"


def test_imports_copies_and_conversions_leave_it_too(
    memory: Cloud, places: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make_image(disk_format="vmdk")
    ImageManager(caller()).stage(image.id, io.BytesIO(SOUND["vmdk"].make()))
    active = make_image(data=RAW)
    settings.IMAGE_STORES |= {"two": file_settings(places / "two")}
    settings.IMAGE_DISK_RESERVE = 10**18
    began: list[str] = []
    real = converting.conversion.convert

    def convert(*args: Any, **values: Any) -> None:
        began.append("convert")
        real(*args, **values)

    monkeypatch.setattr(converting.conversion, "convert", convert)
    ImageImportManager(caller()).start(image.id, method="glance-direct")
    ImageImportManager(caller("admin")).start(active.id, method="copy-image", all_stores=True)
    memory.settle()
    assert began == ["convert"]
    for one in (image, active):
        (entry,) = operations_of("image", str(one.id))
        assert "no room" in entry.error
    steps = operations_of("image", str(image.id))[0].steps
    assert [step.name for step in steps if step.state == "FAILED"] == ["convert"]
