"""The URLs by which a host fetches one image, or brings its data, without a token: signed, for that image.

One to fetch is good for ten minutes, one to bring until the image has its data, for a day at most.
"""

from __future__ import annotations

import uuid
from typing import BinaryIO, Literal

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

from cloudweb.conf import listen_url
from cloudweb.exceptions import Forbidden
from cloudweb.stores.configured import default_store
from image import states
from image.caching import open_near
from image.exceptions import ImageConflict, ImageDeactivated, ImageNotBootable, ImageNotFound
from image.formats import Opened, not_bootable, opened_as
from image.inspection import Readable
from image.models import Image
from image.objects import ImageLocation, has_agent
from image.uploads import Upload

Role = Literal["disk", "kernel", "ramdisk"]
LIFETIME = 600  # seconds
#: As long as a volume may take to be read.
BRINGING = 24 * 3600
_FORMAT_OF = {"kernel": "aki", "ramdisk": "ari"}


def _signer(what: Literal["download", "upload"] = "download") -> TimestampSigner:
    return TimestampSigner(salt=f"image.{what}", sep=":")


def signed_url(
    image_id: uuid.UUID,
    *,
    base_url: str | None = None,
    what: Literal["download", "upload"] = "download",
) -> str:
    """Return the absolute URL of the data; ``base_url`` or the settings say where the API is."""
    base = base_url or settings.PUBLIC_URL or listen_url()
    signature = _signer(what).sign(str(image_id)).partition(":")[2]
    return f"{base.rstrip('/')}/image/signed/{image_id}?signature={signature}"


def receive_signed(
    image_id: uuid.UUID, signature: str, stream: Readable, *, size: int | None, sha512: str = ""
) -> None:
    """Take an image's data from a host that shows this signature; what is there already is not read.

    Raises Forbidden as ``open_signed`` does, ImageNotFound; else errors are those of ``Upload.run``.
    """
    _check(_signer("upload"), image_id, signature, max_age=BRINGING)
    image = Image.objects.all().live().filter(id=image_id).first()
    if image is None:
        raise ImageNotFound(image_id)
    if not image.has_data:
        Upload(image, store_id=default_store(), expected=size, sha512=sha512).run(stream)


def _check(signer: TimestampSigner, image_id: uuid.UUID, signature: str, *, max_age: int) -> None:
    try:
        signer.unsign(f"{image_id}:{signature}", max_age=max_age)
    except BadSignature as error:
        raise Forbidden("The signature is wrong or has expired.", detail=str(error)) from error


def open_signed(
    image_id: uuid.UUID, signature: str, *, whole: bool = True
) -> tuple[Image, BinaryIO]:
    """Return the image and its data for a host that shows this signature; ``whole``: see open_near.

    Raises Forbidden for a signature that is wrong, for another image or too old, ImageNotFound.
    """
    _check(_signer(), image_id, signature, max_age=LIFETIME)
    image = Image.objects.all().live().filter(id=image_id).first()
    if image is None or not image.has_data:
        raise ImageNotFound(image_id)
    if image.status == states.DEACTIVATED:
        raise ImageDeactivated
    try:
        return image, open_near(image, whole=whole)
    except FileNotFoundError:
        raise ImageNotFound(image_id) from None


def location_of(image: Image, *, role: Role, base_url: str | None) -> ImageLocation:
    """Return what a host needs to use the image in this role; raise what forbids it."""
    if image.status == states.DEACTIVATED:
        raise ImageDeactivated(f"Image {image.id} is deactivated.")
    if image.status != states.ACTIVE:
        raise ImageConflict(f"Image {image.id} is not active (it is {image.status}).")
    if not image.has_data:
        raise ImageNotBootable(f"Image {image.id} has no data of its own.")
    properties = image.custom_properties
    return ImageLocation(
        id=str(image.id),
        name=image.name,
        url=signed_url(image.id, base_url=base_url),
        sha512=image.os_hash_value,
        size=image.size,
        virtual_size=image.virtual_size,
        disk_format=_opened_as(image, role),
        min_disk=image.min_disk,
        min_ram=image.min_ram,
        kernel_id=properties.get("kernel_id") or None,
        ramdisk_id=properties.get("ramdisk_id") or None,
        cmdline=properties.get("os_command_line", ""),
        guest_agent=has_agent(properties),
        rescue_device=properties.get("hw_rescue_device", ""),
        rescue_bus=properties.get("hw_rescue_bus", ""),
        properties={key: str(value) for key, value in properties.items()},
    )


def _opened_as(image: Image, role: Role) -> Opened:
    wanted = _FORMAT_OF.get(role)
    if wanted is not None:
        if image.disk_format != wanted:
            raise ImageNotBootable(
                f"Image {image.id} is no {role}: its disk format is {image.disk_format}, not {wanted}."
            )
        return "raw"
    opened = opened_as(image.disk_format, image.container_format)
    if opened is None:
        why = not_bootable(image.disk_format, image.container_format)
        raise ImageNotBootable(f"Image {image.id} cannot be booted: {why}.")
    return opened
