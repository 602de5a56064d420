"""Where a host gets an image from."""

from __future__ import annotations

from typing import Literal

from cloudweb.objects import Part


class ImageSource(Part):
    """An image as a host fetches it: over HTTP, by a URL that is signed for this image and expires.

    ``sha512`` and ``size`` (bytes) are of the stored file; the host refuses anything else.
    """

    id: str
    url: str
    sha512: str
    size: int
    disk_format: Literal["raw", "qcow2"]
    virtual_size: int  # bytes
