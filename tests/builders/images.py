"""Images in the database and the store, and who looks at them."""

from __future__ import annotations

import io
import uuid
from typing import Any

from cloudweb.context import RequestContext
from image.manager import ImageManager
from image.models import Image

ROLES = {
    "reader": frozenset({"reader"}),
    "member": frozenset({"reader", "member"}),
    "admin": frozenset({"reader", "member", "manager", "admin"}),
}
PROJECT, OTHER = "a" * 32, "b" * 32
RAW = b"just some bytes of no format " * 100


def caller(role: str = "member", project_id: str = PROJECT) -> RequestContext:
    """A user with this role (and what it implies) on this project."""
    return RequestContext(
        user_id=uuid.uuid4().hex, user_name=role, project_id=project_id, roles=ROLES[role]
    )


def make_image(
    *, context: RequestContext | None = None, data: bytes | None = None, **attributes: Any
) -> Image:
    """An image of ``context``'s project; with ``data`` it is uploaded and active."""
    manager = ImageManager(context or caller())
    wanted = {"name": "an image", "disk_format": "raw", "container_format": "bare", **attributes}
    image = manager.create(attributes=wanted)
    if data is not None:
        manager.upload(image.id, io.BytesIO(data))
    return manager.get(image.id)
