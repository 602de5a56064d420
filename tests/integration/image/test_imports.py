"""Imports: staged or downloaded data becomes an image in the stores that were asked for, or nothing."""

from __future__ import annotations

import hashlib
import io
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest, PolicyNotAuthorized, QuotaExceeded
from cloudweb.stores.configured import store
from identity import quotas
from image.download.rules import UrlRefused
from image.exceptions import ImageConflict, ImageRefused
from image.manager import ImageManager
from image.manager.imports import ImageImportManager
from image.models import Image
from image.operations import transfers
from operations.history import operations_of
from operations.holding import ResourceBusy
from operations.models import Hold, Operation
from operations.testing import Cloud, check_invariants
from tests.builders import disks
from tests.builders.images import OTHER, PROJECT, RAW, caller, make_image
from tests.builders.sound_images import SOUND
from tests.builders.stores import file_settings
from tests.builders.web import WebServer, says, web_server

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
DISK = disks.qcow2(clusters=[b"data"])
SHA = hashlib.sha512(DISK).hexdigest()


@pytest.fixture(autouse=True)
def stores(settings: Any, tmp_path: Path) -> Path:
    settings.IMAGE_STORES = {name: file_settings(tmp_path / name) for name in ("one", "two")}
    settings.IMAGE_STAGING = tmp_path / "staging"
    settings.IMAGE_DOWNLOAD_ALLOW = ["127.0.0.1/32"]
    return tmp_path


@pytest.fixture
def server(settings: Any) -> Iterator[WebServer]:
    with web_server(says("200 OK", DISK)) as made:
        settings.IMAGE_DOWNLOAD_PORTS = [made.port]
        yield made


def files(root: Path) -> dict[str, int]:
    """Count the files of each place."""
    places = ("one", "two", "staging")
    return {name: sum(path.is_file() for path in (root / name).rglob("*")) for name in places}


def imports(**values: Any) -> ImageImportManager:
    return ImageImportManager(caller(**values))


def queued(**attributes: Any) -> Image:
    return make_image(**{"disk_format": "qcow2", **attributes})


def staged(data: bytes = DISK, **attributes: Any) -> Image:
    image = queued(**attributes)
    ImageManager(caller()).stage(image.id, io.BytesIO(data))
    return Image.objects.get(id=image.id)


def at_rest(image: Image) -> Image:
    check_invariants()
    assert not Hold.objects.exists()
    found = Image.objects.get(id=image.id)
    assert (found.importing_to, found.import_source) == ([], "")
    return found


def test_staged_data_becomes_an_image(memory: Cloud, stores: Path) -> None:
    image = staged()
    assert (image.status, image.size, image.os_hash_value) == ("uploading", len(DISK), SHA)
    assert files(stores) == {"one": 0, "two": 0, "staging": 1}
    imports().start(image.id, method="glance-direct")
    assert Image.objects.get(id=image.id).status == "importing"
    memory.settle()
    done = at_rest(image)
    assert (done.status, done.stores, done.size, done.os_hash_value) == (
        "active", ["one"], len(DISK), SHA,
    )  # fmt: skip
    assert files(stores) == {"one": 1, "two": 0, "staging": 0}
    with store("one").open(done.store_key) as file:
        assert file.read() == DISK


def test_a_download_becomes_an_image_in_every_store(
    memory: Cloud, stores: Path, server: WebServer
) -> None:
    image = queued()
    imports().start(
        image.id, method="web-download", uri=f"{server.url}/d?key=s3cret", all_stores=True
    )
    assert "s3cret" not in str(Operation.objects.get().args)
    assert "s3cret" not in Image.objects.get(id=image.id).import_source
    memory.settle()
    done = at_rest(image)
    assert (done.status, done.stores, done.virtual_size) == ("active", ["one", "two"], 1024**3)
    assert files(stores) == {"one": 1, "two": 1, "staging": 0}
    assert server.heads[0].startswith("GET /d?key=s3cret ")
    (entry,) = operations_of("image", str(image.id))
    assert [(step.name, step.state) for step in entry.steps] == [
        (name, "DONE") for name in ("fetch", "convert", "reserve", "put", "publish", "clear")
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (disks.qcow2(backing=b"/etc/shadow"), "backing file"),
        (b"<html>not a disk</html>" * 100, "its content is"),
    ],
)
def test_what_is_no_disk_is_refused_and_leaves_nothing(
    memory: Cloud, stores: Path, settings: Any, body: bytes, reason: str
) -> None:
    image = queued()
    with web_server(says("200 OK", body)) as server:
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        imports().start(image.id, method="web-download", uri=server.url)
        memory.settle()
        assert len(server.heads) == 1
    left = at_rest(image)
    assert (left.status, left.size, left.failed_import) == ("queued", 0, ["one"])
    assert files(stores) == {"one": 0, "two": 0, "staging": 0}
    (entry,) = operations_of("image", str(image.id))
    assert reason in entry.error
    imports_again = imports()
    with web_server(says("200 OK", DISK)) as server:
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        imports_again.start(image.id, method="web-download", uri=server.url)
        memory.settle()
    assert at_rest(image).status == "active"


def test_a_download_that_breaks_off_is_tried_again(
    memory: Cloud, stores: Path, settings: Any
) -> None:
    tries: list[str] = []

    def script(connection: socket.socket, head: str) -> None:
        tries.append(head)
        if len(tries) < 3:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + DISK)
        else:
            says("200 OK", DISK)(connection, head)

    image = queued()
    with web_server(script) as server:
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        imports().start(image.id, method="web-download", uri=server.url)
        memory.settle()
    assert (at_rest(image).status, len(tries)) == ("active", 3)
    assert files(stores) == {"one": 1, "two": 0, "staging": 0}


def test_a_download_that_is_too_large_is_refused_at_its_head(
    memory: Cloud, stores: Path, server: WebServer, settings: Any
) -> None:
    settings.IMAGE_MAX_SIZE = len(DISK) - 1
    image = queued()
    imports().start(image.id, method="web-download", uri=server.url)
    memory.settle()
    assert at_rest(image).status == "queued"
    (entry,) = operations_of("image", str(image.id))
    assert "over the limit" in entry.error
    assert files(stores) == {"one": 0, "two": 0, "staging": 0}


def test_a_quota_holds_for_imports(memory: Cloud, stores: Path, settings: Any) -> None:
    quotas.update(PROJECT, "image", {"image_size_total": 1})
    big = RAW * (2 * 1024**2 // len(RAW))
    image = make_image()
    with pytest.raises(QuotaExceeded):
        ImageManager(caller()).stage(image.id, io.BytesIO(big))
    with web_server(says("200 OK", big)) as server:
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        imports().start(image.id, method="web-download", uri=server.url)
        memory.settle()
    assert (at_rest(image).status, at_rest(image).size) == ("queued", 0)
    assert files(stores) == {"one": 0, "two": 0, "staging": 0}


def test_staged_data_is_inspected_at_once(stores: Path) -> None:
    image = queued()
    with pytest.raises(ImageRefused):
        ImageManager(caller()).stage(image.id, io.BytesIO(disks.qcow2(backing=b"/etc/shadow")))
    assert Image.objects.get(id=image.id).status == "queued"
    assert files(stores)["staging"] == 0


def _break_store(monkeypatch: Any, name: str) -> None:
    real = transfers.copy

    def copy(data: Any, *, store_id: str, **values: Any) -> None:
        if store_id == name:
            from cloudweb.stores.exceptions import StoreFull

            raise StoreFull
        real(data, store_id=store_id, **values)

    monkeypatch.setattr(transfers, "copy", copy)


@pytest.mark.parametrize("must", [True, False])
@pytest.mark.parametrize("method", ["glance-direct", "copy-image"])
def test_a_store_that_takes_nothing(
    memory: Cloud, stores: Path, monkeypatch: Any, must: bool, method: str
) -> None:
    _break_store(monkeypatch, "two")
    image = staged() if method == "glance-direct" else queued(data=DISK)
    imports(role="admin").start(
        image.id, method=method, stores=["one", "two"] if method == "glance-direct" else ["two"],
        all_stores_must_succeed=must,
    )  # fmt: skip
    memory.settle()
    left = at_rest(image)
    if method == "copy-image":
        assert (left.status, left.stores, left.failed_import) == ("active", ["one"], ["two"])
        assert files(stores) == {"one": 1, "two": 0, "staging": 0}
    elif must:
        assert (left.status, left.stores) == ("queued", [])
        assert files(stores) == {"one": 0, "two": 0, "staging": 0}
    else:
        assert (left.status, left.stores, left.failed_import) == ("active", ["one"], ["two"])
        assert files(stores) == {"one": 1, "two": 0, "staging": 0}


def test_an_operator_copies_an_image_into_another_store(memory: Cloud, stores: Path) -> None:
    image = queued(data=DISK)
    with pytest.raises(PolicyNotAuthorized):
        imports().start(image.id, method="copy-image", all_stores=True)
    admin = imports(role="admin", project_id=OTHER)
    admin.start(image.id, method="copy-image", all_stores=True)
    assert Image.objects.get(id=image.id).importing_to == ["two"]
    with pytest.raises(ResourceBusy):
        admin.start(image.id, method="copy-image", all_stores=True)
    memory.settle()
    done = at_rest(image)
    assert (done.status, done.stores) == ("active", ["one", "two"])
    with store("two").open(done.store_key) as file:
        assert file.read() == DISK
    with pytest.raises(BadRequest, match="already"):
        admin.start(image.id, method="copy-image", all_stores=True)
    ImageManager(caller()).delete(image.id)
    assert files(stores) == {"one": 0, "two": 0, "staging": 0}


@pytest.mark.parametrize("when", ["before", "during"])
@pytest.mark.parametrize("method", ["web-download", "glance-direct", "copy-image"])
def test_an_image_deleted_in_the_middle_is_gone_with_all_of_it(
    memory: Cloud, stores: Path, settings: Any, monkeypatch: Any, method: str, when: str
) -> None:
    def delete() -> None:
        if Image.objects.exclude(status="deleted").exists():
            ImageManager(caller()).delete(image.id)

    def script(connection: socket.socket, head: str) -> None:
        says("200 OK", DISK)(connection, head)

    real = transfers.copy

    def copy(data: Any, **values: Any) -> None:
        if when == "during":
            delete()
        real(data, **values)

    monkeypatch.setattr(transfers, "copy", copy)
    image = {
        "web-download": queued,
        "glance-direct": staged,
        "copy-image": lambda: queued(data=DISK),
    }[method]()
    with web_server(script) as server:
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        imports(role="admin").start(image.id, method=method, uri=server.url, stores=["two"])
        if when == "before":
            delete()
        memory.settle()
    check_invariants()
    assert not Hold.objects.exists()
    assert not Image.objects.exists()
    assert files(stores) == {"one": 0, "two": 0, "staging": 0}


def test_deleting_staged_data(stores: Path) -> None:
    image = staged()
    ImageManager(caller()).delete(image.id)
    assert files(stores)["staging"] == 0


def test_staged_data_that_nobody_imports_is_let_go(stores: Path) -> None:
    image = staged()
    ImageManager(RequestContext.system()).reap()
    assert files(stores)["staging"] == 1
    Image.objects.filter(id=image.id).update(updated_at=now() - timedelta(days=8))
    import os

    for path in (stores / "staging").rglob("*"):
        os.utime(path, (0, 0))
    ImageManager(RequestContext.system()).reap()
    assert files(stores)["staging"] == 0
    assert Image.objects.get(id=image.id).status == "queued"
    assert Image.objects.get(id=image.id).size == 0


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"method": "nonsense"}, BadRequest),
        ({"method": "glance-direct"}, ImageConflict),
        ({"method": "copy-image"}, ImageConflict),
        ({"method": "web-download"}, UrlRefused),
        ({"method": "web-download", "uri": "ftp://example.org/"}, UrlRefused),
        ({"method": "web-download", "uri": "http://example.org:22/"}, UrlRefused),
        ({"method": "web-download", "uri": "http://example.org/", "stores": ["x"]}, BadRequest),
        (
            {"method": "web-download", "uri": "http://example.org/", "stores": ["one"],
             "all_stores": True},
            BadRequest,
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_changes_nothing(values: dict[str, Any], error: Any) -> None:
    image = queued()
    with pytest.raises(error):
        imports(role="admin").start(image.id, **values)
    after = Image.objects.get(id=image.id)
    assert (after.status, after.importing_to, Operation.objects.count()) == ("queued", [], 0)


def test_an_operator_offers_fewer_methods(settings: Any) -> None:
    settings.IMAGE_IMPORT_METHODS = ["web-download"]
    with pytest.raises(BadRequest, match="Unknown import method"):
        imports().start(staged().id, method="glance-direct")


def test_formats_come_first_here_too() -> None:
    image = make_image(disk_format=None, container_format=None)
    with pytest.raises(BadRequest, match="disk_format"):
        imports().start(image.id, method="web-download", uri="http://example.org/")


def test_data_is_not_staged_twice_and_not_imported_by_halves() -> None:
    image = staged()
    with pytest.raises(ImageConflict):
        ImageManager(caller()).stage(image.id, io.BytesIO(DISK))
    with pytest.raises(ImageConflict):
        ImageManager(caller()).upload(image.id, io.BytesIO(DISK))
    Image.objects.filter(id=image.id).update(upload_seen_at=now())
    with pytest.raises(ImageConflict, match="still being staged"):
        imports().start(image.id, method="glance-direct")


def test_only_its_project_sees_how_it_came(memory: Cloud) -> None:
    image = staged(visibility="community")
    imports().start(image.id, method="glance-direct")
    memory.settle()
    assert len(imports(role="reader").history(image.id)) == 1
    assert imports(role="reader", project_id=OTHER).history(image.id) == []


@pytest.mark.parametrize("setting", ["qcow2", "raw"])
@pytest.mark.parametrize("name", ["vmdk", "vdi", "vhd", "vhdx"])
def test_a_disk_of_another_hypervisor_becomes_one_that_hosts_open(
    memory: Cloud, stores: Path, settings: Any, name: str, setting: str
) -> None:
    settings.IMAGE_CONVERT_TO = setting
    qemu_name = {"vhd": "vpc"}.get(name, name)
    raw, made = stores / "raw", stores / "made"
    raw.write_bytes(bytes(range(256)) * 8192)
    process.run("qemu-img", "convert", "-f", "raw", "-O", qemu_name, str(raw), str(made))
    image = staged(made.read_bytes(), disk_format=name)
    imports().start(image.id, method="glance-direct")
    memory.settle()
    found = at_rest(image)
    assert (found.status, found.disk_format) == ("active", setting)
    assert files(stores) == {"one": 1, "two": 0, "staging": 0}
    with store("one").open(found.store_key) as file:
        data = file.read()
    assert (found.size, found.os_hash_value) == (len(data), hashlib.sha512(data).hexdigest())
    assert ImageManager(caller()).location(found.id).disk_format == setting


def test_a_disk_stays_as_it_is_where_nothing_is_converted(
    memory: Cloud, stores: Path, settings: Any
) -> None:
    settings.IMAGE_CONVERT_TO = ""
    data = SOUND["vmdk"].make()
    image = staged(data, disk_format="vmdk")
    imports().start(image.id, method="glance-direct")
    memory.settle()
    found = at_rest(image)
    assert (found.status, found.disk_format, found.size) == ("active", "vmdk", len(data))


def test_a_conversion_that_fails_leaves_the_image_queued_as_it_was(
    memory: Cloud, stores: Path, settings: Any
) -> None:
    settings.IMAGE_CONVERT_MEMORY = 20 * 1024**2
    image = staged(SOUND["vmdk"].make(), disk_format="vmdk")
    imports().start(image.id, method="glance-direct")
    memory.settle()
    found = at_rest(image)
    assert (found.status, found.disk_format, found.size) == ("queued", "vmdk", 0)
    assert files(stores) == {"one": 0, "two": 0, "staging": 0}


def test_a_store_that_fails_gives_the_format_back(
    memory: Cloud, stores: Path, monkeypatch: Any
) -> None:
    _break_store(monkeypatch, "one")
    image = staged(SOUND["vmdk"].make(), disk_format="vmdk")
    imports().start(image.id, method="glance-direct")
    memory.settle()
    found = at_rest(image)
    assert (found.status, found.disk_format) == ("queued", "vmdk")
    assert files(stores) == {"one": 0, "two": 0, "staging": 0}
