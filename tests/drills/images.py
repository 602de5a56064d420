"""How the sagas of images are drilled: jobs over two stores and a web server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.test import override_settings

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from image import states
from image.manager import ImageManager
from image.manager.cache import ImageCacheManager
from image.manager.imports import ImageImportManager
from image.models import Image
from image.operations.cache_image import CacheImage
from image.operations.copy_image import CopyImage
from image.operations.delete_image import DeleteImage
from image.operations.import_image import ImportImage
from operations.testing import Cloud, Drill, cloud
from tests.builders import disks
from tests.builders.foreign_disks import vmdk
from tests.builders.images import RAW, caller, make_image
from tests.builders.stores import file_settings, s3_service, s3_settings
from tests.builders.web import says, web_server

DISK = disks.qcow2(clusters=[b"data"])
PLACES = ("one", "two", "staging", "cache/data")


@dataclass
class World:
    """A cloud without hosts, its stores, and a web server that has a disk."""

    cloud: Cloud
    url: str

    def add_host(self, name: str) -> None:
        """There is none."""
        raise AssertionError(name)


@contextmanager
def two_stores(directory: Path, **first: Any) -> Iterator[World]:
    """Run a block where images are kept in two stores, the first of them as said."""
    settings = {
        "IMAGE_STORES": {
            "one": first or file_settings(directory / "one"),
            "two": file_settings(directory / "two"),
        },
        "IMAGE_STAGING": directory / "staging",
        "IMAGE_CACHE": directory / "cache",
        "IMAGE_CACHE_SIZE": 10 * len(DISK),
        "IMAGE_DOWNLOAD_ALLOW": ["127.0.0.1/32"],
    }
    directory.mkdir()
    with (
        web_server(says("200 OK", DISK)) as server,
        cloud(directory) as made,
        override_settings(**settings, IMAGE_DOWNLOAD_PORTS=[server.port]),
    ):
        yield World(made, server.url)


@contextmanager
def far_store(directory: Path) -> Iterator[World]:
    """Run a block where images are kept far away."""
    with s3_service() as url, two_stores(directory, **s3_settings(url)) as made:
        yield made


def census(made: World, _image: Any) -> dict[str, Any]:
    """Tell what the row says, and count the files of each place."""
    columns = ("status", "size", "importing_to", "incoming_size", "upload_id")
    rows = [
        (status, size > 0, *rest) for status, size, *rest in Image.objects.values_list(*columns)
    ]
    places = {name: (made.cloud.directory / name).rglob("*") for name in PLACES}
    files = {name: sum(path.is_file() for path in paths) for name, paths in places.items()}
    return {"rows": rows, **files}


def ends(status: str = "", *, has_data: bool = False, **files: int) -> dict[str, Any]:
    """Return a census: no row without a status."""
    rows = [(status, has_data, [], 0, "")] if status else []
    return {**dict.fromkeys(PLACES, 0), "rows": rows, **files}


def start(made: World, image: Any, method: str, **wanted: Any) -> None:
    """Start an import."""
    uri = made.url if method == "web-download" else None
    ImageImportManager(caller("admin")).start(image.id, method=method, uri=uri, **wanted)


def delete(_made: World, image: Any) -> None:
    """Delete it."""
    ImageManager(caller()).delete(image.id)


def staged(data: bytes, **attributes: Any) -> Image:
    """Make an image whose data waits to be imported."""
    image = make_image(**attributes)
    ImageManager(caller()).stage(image.id, io.BytesIO(data))
    return image


def importing(made: World) -> Image:
    """Make one that is being imported."""
    image = staged(DISK, disk_format="qcow2")
    start(made, image, "glance-direct")
    return image


def reap(_made: World, _image: Any) -> None:
    """Let the reaper come by after a while."""
    deleted = Image.objects.filter(status=states.DELETED)
    deleted.update(updated_at=now() - 2 * states.ABANDONED)
    ImageManager(RequestContext.system()).reap()


DRILLS = (
    Drill(
        saga=ImportImage,
        name="download",
        world=two_stores,
        prepare=lambda made: make_image(disk_format="qcow2"),
        start=lambda made, image: start(made, image, "web-download", all_stores=True),
        census=census,
        done=ends("active", has_data=True, one=1, two=1),
        undone=ends("queued"),
        preempt=delete,
        preempted=ends(),
    ),
    Drill(
        saga=ImportImage,
        name="converted",
        world=two_stores,
        prepare=lambda made: staged(vmdk(), disk_format="vmdk"),
        start=lambda made, image: start(made, image, "glance-direct"),
        census=census,
        done=ends("active", has_data=True, one=1),
        undone=ends("queued"),
    ),
    Drill(
        saga=CopyImage,
        world=two_stores,
        prepare=lambda made: make_image(disk_format="qcow2", data=DISK),
        start=lambda made, image: start(made, image, "copy-image", all_stores=True),
        census=census,
        done=ends("active", has_data=True, one=1, two=1),
        undone=ends("active", has_data=True, one=1),
        preempt=delete,
        preempted=ends(),
    ),
    Drill(
        saga=DeleteImage,
        world=two_stores,
        prepare=importing,
        start=delete,
        census=census,
        done=ends(),
        undone={},
        again=reap,
    ),
    Drill(
        saga=CacheImage,
        world=far_store,
        prepare=lambda made: make_image(data=RAW),
        start=lambda made, image: ImageCacheManager(caller("admin")).queue(image.id),
        census=census,
        done={**ends("active", has_data=True), "cache/data": 1},
        undone={"rows": ends("active", has_data=True)["rows"]},
    ),
)
