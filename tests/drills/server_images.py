"""How images that are made of servers are drilled: hosts reach the API in their own thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from image.manager import ImageManager
from image.models import Image
from instances.manager import InstanceManager
from instances.operations import CreateImage
from operations.testing import Drill
from tests.builders.backups import api_in_process
from tests.builders.instances import Lab, lab
from tests.drills.servers import ALONE, alone, ends
from tests.drills.servers import census as count


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


def delete_image(made: Lab, _server: Any) -> None:
    """Delete the image that is being made."""
    ImageManager(made.context).delete(Image.objects.get(name="i").id)


RUNS: dict[str, Any] = {**ends("active", "running", **ALONE), "images": [], "copies": []}
DRILLS = (
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
)
