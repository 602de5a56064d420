"""How any image data comes in: hashed and inspected on the way, with bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from django.conf import settings

from cloudweb.exceptions import BadRequest
from cloudweb.stores.base import Incoming
from image.exceptions import ImageTooLarge
from image.inspection import InspectedStream, Readable, check_stored

CHUNK = 1024 * 1024
Facts = Mapping[str, str | int]
#: What an image is without data.
NO_FACTS: Facts = {
    "size": 0,
    "virtual_size": 0,
    "checksum": "",
    "os_hash_algo": "",
    "os_hash_value": "",
}


def receive(
    stream: Readable,
    incoming: Incoming,
    *,
    disk_format: str,
    container_format: str,
    expected: int | None,
    sha512: str = "",
    on_chunk: Callable[[int], object],
) -> Facts:
    """Write the stream and return what is now known about the data; the caller keeps or drops it.

    ``on_chunk`` gets the bytes so far before the last of them are written, and may raise. Raises
    ImageTooLarge, ImageRefused, StoreFull, BadRequest for a stream that is not as long as ``expected``
    or, where it is said, has another ``sha512``.
    """
    source = InspectedStream(
        stream,
        disk_format=disk_format,
        container_format=container_format,
        max_virtual_size=settings.IMAGE_MAX_VIRTUAL_SIZE,
    )
    md5, digest = hashlib.md5(usedforsecurity=False), hashlib.sha512()
    while chunk := source.read(CHUNK):
        if source.total > settings.IMAGE_MAX_SIZE:
            raise too_large()
        on_chunk(source.total)
        md5.update(chunk)
        digest.update(chunk)
        incoming.write(chunk)
    if expected is not None and source.total != expected:
        raise BadRequest(
            f"The image data has {source.total} bytes instead of the announced {expected}."
        )
    if sha512 and digest.hexdigest() != sha512:
        raise BadRequest("The image data did not arrive as it was sent.")
    incoming.sync()
    with incoming.open() as file:
        check_stored(file, disk_format=disk_format, container_format=container_format)
    return {
        "size": source.total,
        "virtual_size": source.virtual_size,
        "checksum": md5.hexdigest(),
        "os_hash_algo": "sha512",
        "os_hash_value": digest.hexdigest(),
    }


def too_large() -> ImageTooLarge:
    """Return the error of data over the limit."""
    return ImageTooLarge(f"The image data is over the limit of {settings.IMAGE_MAX_SIZE} bytes.")
