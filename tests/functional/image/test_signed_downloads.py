"""The URL a host gets: for one image, for ten minutes, without a token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine

from cloudweb.context import RequestContext
from image.exceptions import ImageConflict, ImageNotBootable
from image.manager import ImageManager
from tests.builders import disks
from tests.builders.identity import ApiClient
from tests.builders.images import RAW, caller, make_image

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Any) -> None:
    settings.IMAGE_STORE = tmp_path / "images"


def fetch(url: str, **headers: str) -> Any:
    parts = urlsplit(url)
    return ApiClient().get(f"{parts.path}?{parts.query}", headers=headers)


def test_a_host_fetches_what_its_order_names() -> None:
    image = make_image(data=disks.qcow2(), disk_format="qcow2", kernel_id="k", min_ram=96)
    place = ImageManager(caller("reader")).location(image.id, base_url="http://10.0.0.1:8000/")
    assert place.url.startswith(f"http://10.0.0.1:8000/image/signed/{image.id}?")
    assert (place.sha512, place.size) == (image.os_hash_value, image.size)
    assert (place.disk_format, place.virtual_size) == ("qcow2", 1024**3)
    assert (place.kernel_id, place.ramdisk_id, place.min_ram) == ("k", None, 96)
    answer = fetch(place.url)
    assert (answer.status_code, answer.getvalue()) == (200, disks.qcow2())
    part = fetch(place.url, Range="bytes=4-7")
    assert (part.status_code, part.getvalue()) == (206, disks.qcow2()[4:8])


def test_the_signature_is_for_one_image() -> None:
    one, two = make_image(data=RAW), make_image(data=RAW)
    url = ImageManager(caller()).location(one.id).url
    assert fetch(url).status_code == 200
    assert fetch(url.replace(str(one.id), str(two.id))).status_code == 403
    assert fetch(url[:-1] + ("A" if url[-1] != "A" else "B")).status_code == 403
    assert fetch(url.partition("?")[0]).status_code == 403
    assert fetch(url.replace(str(one.id), "cirros")).status_code == 404


def test_the_signature_ends_after_ten_minutes() -> None:
    image = make_image(data=RAW)
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        url = ImageManager(caller()).location(image.id).url
        clock.shift(timedelta(seconds=599))
        assert fetch(url).status_code == 200
        clock.shift(timedelta(seconds=2))
        assert fetch(url).status_code == 403


def test_what_is_gone_or_withheld_is_not_given() -> None:
    image = make_image(data=RAW)
    url = ImageManager(caller()).location(image.id).url
    operator = ImageManager(caller("admin"))
    operator.deactivate(image.id)
    assert fetch(url).status_code == 403
    operator.reactivate(image.id)
    assert fetch(url).status_code == 200
    operator.delete(image.id)
    assert fetch(url).status_code == 404


def test_a_host_gets_all_of_an_image_that_is_deleted_meanwhile() -> None:
    data = disks.qcow2() + b"x" * 3_000_000
    image = make_image(data=data, disk_format="qcow2")
    url = ImageManager(caller()).location(image.id).url
    answer = fetch(url)
    chunks = iter(answer)
    got = next(chunks)
    ImageManager(caller()).delete(image.id)
    assert fetch(url).status_code == 404
    assert got + b"".join(chunks) == data
    assert len(got) < len(data)


def test_what_no_host_can_use_is_refused() -> None:
    manager = ImageManager(RequestContext.system())
    queued = make_image()
    with pytest.raises(ImageConflict):
        manager.location(queued.id)
    kernel = make_image(data=RAW, disk_format="aki", container_format="aki")
    iso = make_image(data=disks.iso(), disk_format="iso")
    disk = make_image(data=RAW)
    for image, role in ((kernel, "disk"), (kernel, "ramdisk"), (iso, "disk"), (disk, "kernel")):
        with pytest.raises(ImageNotBootable):
            manager.location(image.id, role=role)
    assert manager.location(kernel.id, role="kernel").disk_format == "raw"
