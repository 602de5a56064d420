"""An image on the wire: no envelope, custom properties beside the attributes (contract 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from cloudweb.api.answers import OpenAnswer, listing
from cloudweb.stores.configured import ordered
from cloudweb.times import seconds_z
from image.api.schema_documents import IMAGE
from image.changes import BASE
from image.models import Image

#: What every image has, whatever became of it.
ALWAYS = (
    "id",
    "status",
    "visibility",
    "tags",
    "created_at",
    "updated_at",
    "self",
    "file",
    "schema",
)
LIST_SCHEMA = "/v2/schemas/images"


class ImageCreate(BaseModel):
    """POST /images: a client may choose the id; the manager checks every other attribute."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: UUID | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """What was sent, without attributes that are null: for clients that is absent."""
        sent = self.model_extra or {}
        return {
            name: value for name, value in sent.items() if value is not None or name not in BASE
        }


class ImageShown(OpenAnswer):
    """An image, as /v2/schemas/image describes it."""

    @classmethod
    def __get_pydantic_json_schema__(cls, *_: Any) -> dict[str, Any]:
        """Return the schema that clients read."""
        return {"type": "object", "required": list(ALWAYS), **IMAGE}


#: With links relative to the service.
IMAGES = listing("images", ImageShown, first=str, next=str | None, schema=str)


def image_body(image: Image) -> dict[str, Any]:
    """Return an image as clients read it; what is not known yet is null."""
    path = f"/v2/images/{image.id}"
    return {
        **image.shown_properties,
        "id": str(image.id),
        "name": image.name or None,
        "status": image.status,
        "visibility": image.visibility,
        "protected": image.protected,
        "os_hidden": image.os_hidden,
        "owner": image.project_id,
        "checksum": image.checksum or None,
        "os_hash_algo": image.os_hash_algo or None,
        "os_hash_value": image.os_hash_value or None,
        "size": image.size if image.is_whole else None,
        "virtual_size": image.virtual_size if image.is_whole else None,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "disk_format": image.disk_format or None,
        "container_format": image.container_format or None,
        "created_at": seconds_z(image.created_at),
        "updated_at": seconds_z(image.updated_at),
        "tags": image.tag_names,
        **_store_keys(image),
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }


def _store_keys(image: Image) -> dict[str, str]:
    """Return where the data is, and how far an import came, as clients wait for it."""
    names = {
        "stores": image.stores,
        "os_glance_importing_to_stores": image.importing_to,
        "os_glance_failed_import": image.failed_import,
    }
    return {name: ",".join(ordered(stores)) for name, stores in names.items() if stores}


def list_body(images: list[Image], *, links: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a page of images with its links."""
    return {"images": [image_body(image) for image in images], "schema": LIST_SCHEMA, **links}
