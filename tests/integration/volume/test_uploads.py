"""Volumes become images: from the action to the data, on the fake back end and in files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloudweb import image_sending, process
from cloudweb.context import RequestContext
from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.exceptions import CloudwebError
from cloudweb.stores.configured import store
from image.inspection import check_stored
from image.models import Image
from operations.models import Operation
from tests.builders.backups import MemoryVolume, api_in_process
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.stores import file_settings
from tests.builders.volumes import attach, make_pool, make_volume
from tests.builders.work import CountedWork
from tests.drills.uploads import SMALL, small
from tests.drills.volumes import World, lab
from volume.backups.objects import BackupPoint
from volume.manager import ImageWish, VolumeManager
from volume.models import Message, Volume
from volume.objects import VolumeRef
from volume.uploads import on_host
from volume.uploads.objects import ImageFormat, UploadRequest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def made(settings: Any, tmp_path: Path) -> Iterator[World]:
    settings.IMAGE_STORES = {"one": file_settings(tmp_path / "store")}
    with lab(tmp_path / "cloud", hosts=1) as running, api_in_process():
        yield running


def test_an_image_has_what_the_volume_held_and_was_made_of(made: World) -> None:
    volume = small(made)
    known = {
        "os_type": "linux", "image_id": "x", "image_name": "old", "checksum": "c", "size": "1",
        "container_format": "ovf", "disk_format": "vdi", "min_ram": "64", "min_disk": "2",
    }  # fmt: skip
    Volume.objects.filter(id=volume).update(image_metadata=known)
    attach(Volume.objects.get(id=volume))
    manager = VolumeManager(made.context)
    with pytest.raises(CloudwebError, match="without force"):
        manager.upload(volume, ImageWish(name="new"))
    wanted = ImageWish(name="new", force=True, visibility="shared", protected=True)
    row, image_id = manager.upload(volume, wanted)
    assert (row.status, row.previous_status) == ("uploading", "in-use")
    assert Image.objects.get(id=image_id).status == "queued"
    made.cloud.settle()
    row.refresh_from_db()
    image = Image.objects.get()
    assert (row.status, image.status, image.size) == ("in-use", "active", SMALL)
    assert (image.visibility, image.protected, image.min_ram) == ("shared", True, 64)
    assert (image.name, image.disk_format, image.min_disk) == ("new", "raw", 2)
    assert image.custom_properties == {"os_type": "linux"}
    with store("one").open(image.store_key) as data:
        assert data.read().rstrip(b"\0") == b"words"
    assert not any("point" in name for name in made.drivers["h1"].census())


def test_what_fails_leaves_no_image_and_says_why(made: World, settings: Any) -> None:
    volume = small(made)
    settings.IMAGE_MAX_SIZE = SMALL - 1
    VolumeManager(made.context).upload(volume, ImageWish(name="i", protected=True))
    with pytest.raises(CloudwebError, match="being uploaded"):
        VolumeManager(RequestContext.system()).delete(volume, force=True)
    made.cloud.settle()
    assert Volume.objects.get(id=volume).status == "available"
    assert not Image.objects.exists()
    told = Message.objects.get()
    assert (str(told.resource_id), told.event_id) == (volume, "VOLUME_VOLUME_003_001")
    assert "over the limit" in told.text
    assert Operation.objects.get(kind="volume.upload").state == "UNDONE"


def test_what_cannot_be_uploaded_is_refused_before_there_is_an_image() -> None:
    owner = make_member("member")
    context, client = make_context(owner), client_of(owner)
    pool = make_pool()
    good = make_volume(context, pool=pool)
    volumes = {
        "encrypted": make_volume(context, pool=pool, encrypted=True),
        "extending": make_volume(context, pool=pool, status="extending"),
        "nowhere": make_volume(context),
        "not able": make_volume(context, pool=make_pool("h2", capabilities=["clones"])),
    }

    def ask(row: Volume, *, version: str = "3.70", **said: Any) -> int:
        body = {"os-volume_upload_image": {"image_name": "i", **said}}
        headers = {"OpenStack-API-Version": f"volume {version}"}
        path = f"/volume/v3/volumes/{row.id}/action"
        answer = client.post(path, body, content_type="application/json", headers=headers)
        return int(answer.status_code)

    found = {name: ask(row) for name, row in volumes.items()} | {
        "no name": ask(good, image_name=""),
        "a format that nobody makes": ask(good, disk_format="ploop"),
        "a container": ask(good, container_format="ova"),
        "public by a member": ask(good, visibility="public"),
        "what 3.0 does not know": ask(good, version="3.0", protected=True),
    }
    assert found == dict.fromkeys(found, 400) | {"public by a member": 403}
    assert not Image.objects.exists()
    assert ask(good, version="3.0", disk_format="qcow2") == 202
    assert ask(good) == 400  # it is uploading


class Driver:
    """A back end that gives a disk of little."""

    def __init__(self) -> None:
        self.volume = MemoryVolume(b"first".ljust(3 * 1024**2, b"\0") + b"last".ljust(512, b"\0"))

    def hold(self, point: BackupPoint, work: Any) -> Any:
        return self

    def release(self, point: BackupPoint, work: Any) -> None:
        """Nothing is held."""

    def reading(self, point: BackupPoint) -> Any:
        return nullcontext(self.volume)


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vdi", "vhd", "vhdx", "vmdk"])
def test_a_disk_is_made_that_images_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ImageFormat
) -> None:
    driver, brought = Driver(), tmp_path / "brought"

    def send(url: str, content: Iterator[bytes], *, size: int) -> None:
        brought.write_bytes(b"".join(content))
        assert brought.stat().st_size == size

    monkeypatch.setattr(on_host, "send", send)
    uploads = on_host.HostUploads(driver, tmp_path / "made")  # type: ignore[arg-type]
    ref = VolumeRef(id="v", backend="b")
    request = UploadRequest(point=BackupPoint(id="i", source=ref), format=kind, url="u")
    uploads.upload(request, CountedWork())
    with brought.open("rb") as file:
        check_stored(file, disk_format=kind, container_format="bare")
    name = on_host._MADE.get(kind, ("raw", ()))[0]
    out = tmp_path / "raw"
    process.run("qemu-img", "convert", "-f", name, "-O", "raw", str(brought), str(out))
    assert out.read_bytes()[: driver.volume.size] == driver.volume.data
    said = json.loads(
        process.run("qemu-img", "info", "--output=json", "-f", name, str(brought)).stdout
    )
    assert said["virtual-size"] == driver.volume.size
    assert not [*tmp_path.glob("made/*")]


def test_what_the_cloud_says_is_what_an_order_fails_with() -> None:
    def ask(status: int, text: str = "") -> DriverError:
        said = {"error": {"message": text}}
        transport = httpx.MockTransport(lambda _: httpx.Response(status, json=said))
        with pytest.raises(DriverError) as found:
            image_sending.send("http://x/", iter([b"a"]), size=1, transport=transport)
        return found.value

    assert type(ask(413, "It is too large.")) is DriverError
    assert ask(413, "It is too large.").message == "It is too large."
    assert isinstance(ask(409), TransientDriverError)
    assert isinstance(ask(503), TransientDriverError)
    assert "no room" in ask(507).message
