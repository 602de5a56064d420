"""How images that are made of servers are drilled: hosts reach the API in their own thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cloudweb.context import RequestContext
from cloudweb.driver import Work
from cloudweb.image_cache.cache import PARTIAL, ImageCache
from cloudweb.image_cache.source import ImageSource
from compute.drivers.fake import FakeDriver
from compute.manager import AggregateManager
from image.manager import ImageManager
from image.models import Image
from instances.manager import InstanceManager
from instances.manager.image_caching import ImageCachingManager
from instances.models import Instance
from instances.operations import BackupInstance, CacheImageOnHost, CreateImage, ImageOfVolumes
from operations.testing import Drill
from tests.builders.backups import api_in_process
from tests.builders.instances import Lab, lab
from tests.drills.server_volumes import boot_from_new_volume
from tests.drills.servers import ALONE, alone, ends
from tests.drills.servers import census as count
from volume.bootstrap import ensure_default_type
from volume.models import Snapshot


@contextmanager
def with_api(directory: Path) -> Iterator[Lab]:
    """Run a block in a cloud whose hosts can bring images."""
    with lab(directory) as made, api_in_process():
        yield made


def census(made: Lab, subject: Any) -> dict[str, Any]:
    """Count servers, images and copies of disks."""
    rows = Image.objects.exclude(id=made.image.id).exclude(status="deleted")
    return {
        **count(made, subject),
        "images": [*rows.values_list("name", "status")],
        "copies": [
            name
            for driver in made.guests.values()
            for guest in driver.list()
            for name in driver.snapshots_of(guest.id)
        ],
    }


def image_of(made: Lab, server: str) -> None:
    """Have an image made of a server."""
    InstanceManager(made.context).create_image(server, name="i")


def backup_of(made: Lab, server: str) -> None:
    """Have a backup made of a server, of which one is kept."""
    manager = InstanceManager(made.context)
    manager.create_backup(server, name="b", backup_type="daily", rotation=1)


def delete_image(made: Lab, _server: Any) -> None:
    """Delete the image that is being made."""
    ImageManager(made.context).delete(Image.objects.get(name="i").id)


def booted_from_volume(made: Lab) -> str:
    """Make a server that boots from a volume, and in which QEMU's agent runs."""
    made.give_agent()
    ensure_default_type()
    boot_from_new_volume(made, None)
    made.cloud.settle()
    return str(Instance.objects.get().id)


def with_snapshots(made: Lab, subject: Any) -> dict[str, Any]:
    """Count snapshots and frozen guests, too."""
    guests = [(driver, one.id) for driver in made.guests.values() for one in driver.list()]
    return {
        **census(made, subject),
        "snapshots": [*Snapshot.objects.values_list("status", flat=True)],
        "frozen": sum(driver.is_frozen(one) for driver, one in guests),
    }


RUNS: dict[str, Any] = {**ends("active", "running", **ALONE), "images": [], "copies": []}


@contextmanager
def wanting_images(directory: Path) -> Iterator[Lab]:
    """Run a block in a cloud whose hosts make guests from images, and one of them is in an aggregate."""
    wants = patch.object(FakeDriver, "wants_images", new=True)
    with lab(directory) as made, wants, patch.object(ImageCache, "ensure", fetched):
        AggregateManager(RequestContext.system()).create(name="fast")
        yield made


def fetched(cache: ImageCache, source: ImageSource, work: Work) -> Path:
    """Fetch an image by half and then whole, from nowhere."""
    path = cache.path_of(source)
    for half in (path.with_name(path.name + PARTIAL), path):
        work.checkpoint()
        half.touch()
    return path


def in_aggregate(made: Lab) -> str:
    """Put the host into it."""
    manager = AggregateManager(RequestContext.system())
    (one,) = manager.list()
    manager.add_host(one.pk, "h1")
    return str(one.pk)


def cache(made: Lab, aggregate: str) -> None:
    """Have the image brought to the hosts of the aggregate."""
    ImageCachingManager(RequestContext.system()).cache(aggregate, [str(made.image.id)])


def cached(made: Lab, _aggregate: str) -> dict[str, Any]:
    """Tell which images the hosts have, whole."""
    found = (made.cloud.directory / "h1" / "images").glob(f"{made.image.id}.*")
    return {"cached": sum(path.suffix != PARTIAL for path in found)}


DRILLS = (
    Drill(
        saga=CacheImageOnHost,
        world=wanting_images,
        prepare=in_aggregate,
        start=cache,
        census=cached,
        done={"cached": 1},
        undone={},
    ),
    Drill(
        saga=CreateImage,
        world=with_api,
        prepare=alone,
        start=image_of,
        census=census,
        done={**RUNS, "images": [("i", "active")]},
        undone=RUNS,
        preempt=delete_image,
        preempted=RUNS,
    ),
    Drill(
        saga=BackupInstance,
        world=with_api,
        prepare=alone,
        start=backup_of,
        census=census,
        done={**RUNS, "images": [("b", "active")]},
        undone=RUNS,
        only=("drop_copy",),
    ),
    Drill(
        saga=ImageOfVolumes,
        world=with_api,
        prepare=booted_from_volume,
        start=image_of,
        census=with_snapshots,
        done={
            **RUNS,
            "kept": 3,
            "images": [("i", "active")],
            "snapshots": ["available"],
            "frozen": 0,
        },
        undone={**RUNS, "kept": 2, "snapshots": [], "frozen": 0},
    ),
)
