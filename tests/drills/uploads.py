"""How volumes that become images are drilled: hosts reach the API in their own thread."""

from __future__ import annotations

from typing import Any

from image.manager import ImageManager
from image.models import Image
from operations.models import Hold, Operation
from operations.testing import Drill, check_invariants
from tests.drills.backups import with_store
from tests.drills.volumes import World, made_already
from volume.manager import ImageWish, VolumeManager
from volume.models import Volume
from volume.operations import UploadVolume

SMALL = 1024**2


def small(made: World) -> str:
    """Have a volume of little, whatever its row says; return its id."""
    volume = made_already(made)
    made.drivers["h1"]._volumes[volume].size = SMALL
    made.drivers["h1"].write(volume, "words")
    return volume


def upload(made: World, volume: str) -> str:
    """Have it become an image; return the image's id."""
    wanted = ImageWish(name="i", disk_format="raw", protected=True)
    _, image_id = VolumeManager(made.context).upload(volume, wanted)
    return image_id


def delete_image(made: World, _subject: Any) -> None:
    """Delete the image whatever is done to it."""
    Image.objects.update(protected=False)
    ImageManager(made.context).delete(Image.objects.get().id)


def census(made: World, _subject: Any) -> dict[str, Any]:
    """Count images and their data, what is held for them, and what volumes are."""
    check_invariants()
    places = (made.cloud.directory / "store" / "data").rglob("*")
    kept = (made.cloud.directory).rglob("uploads/*")
    return {
        "images": [*Image.objects.values_list("status", "virtual_size", "protected")],
        "files": sum(path.is_file() for path in places),
        "left": [*kept],
        "points": [
            name for driver in made.drivers.values() for name in driver.census() if "point" in name
        ],
        "volumes": [*Volume.objects.values_list("status", flat=True)],
        "holds": Hold.objects.count(),
        "live": Operation.objects.exclude(state__in=("DONE", "UNDONE")).count(),
    }


NOTHING: dict[str, Any] = {
    "images": [],
    "files": 0,
    "left": [],
    "points": [],
    "volumes": ["available"],
    "holds": 0,
    "live": 0,
}

DRILLS = (
    Drill(
        saga=UploadVolume,
        world=with_store,
        prepare=small,
        start=upload,
        census=census,
        done={**NOTHING, "images": [("active", SMALL, True)], "files": 1},
        undone=NOTHING,
        preempt=delete_image,
        preempted=NOTHING,
    ),
)
