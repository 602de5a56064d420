"""The image a first server boots from: built from Debian's packages once, uploaded once."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from typing import BinaryIO

from django.conf import settings

from cloudweb import process
from cloudweb.conf import ROOT, drivers
from cloudweb.context import RequestContext
from image.changes import Change
from image.exceptions import ImageNotFound
from image.manager import ImageManager

IMAGE_ID = uuid.UUID("00000000-0000-4000-8000-00000000de30")
BUILD = ROOT / "deploy" / "demo-image" / "build.sh"
BUILD_WITHIN = 600
ADMIN_USER = "demo"


def ensure_demo_image(*, project_id: str, say: Callable[[str], object]) -> None:
    """Have a public image ``demo``; one that was deleted since stays deleted.

    With fake drivers, whose guests have no disk, it is empty. Raises CommandFailed when it cannot be
    built.
    """
    uploaded = settings.VAR / "demo-image" / "uploaded"
    images = ImageManager(RequestContext.system(project_id=project_id))
    if uploaded.exists():
        _tell_the_user(images)
        return
    if drivers() == "fake":
        _upload(images, io.BytesIO(bytes(1024 * 1024)), disk_format="raw")
    else:
        say("Building the demo image")
        process.run(str(BUILD), str(uploaded.parent), timeout=BUILD_WITHIN)
        with (uploaded.parent / "demo.qcow2").open("rb") as data:
            _upload(images, data, disk_format="qcow2")
    uploaded.parent.mkdir(exist_ok=True)
    uploaded.touch()


def _tell_the_user(images: ImageManager) -> None:
    """Say on an image of an older cloud whom its guests let in."""
    try:
        image = images.get(IMAGE_ID)
    except ImageNotFound:
        return
    if "os_admin_user" not in image.custom_properties:
        images.update(IMAGE_ID, [Change("add", "os_admin_user", ADMIN_USER)])


def _upload(images: ImageManager, data: BinaryIO, *, disk_format: str) -> None:
    try:
        image = images.get(IMAGE_ID)
        if image.status == "active":
            return
    except ImageNotFound:
        image = images.create(
            image_id=IMAGE_ID,
            attributes={
                "name": "demo",
                "visibility": "public",
                "disk_format": disk_format,
                "container_format": "bare",
                "min_ram": 128,
                "os_admin_user": ADMIN_USER,
                "os_distro": "debian",
                "os_type": "linux",
            },
        )
    images.upload(image.id, data)
