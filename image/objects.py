"""What other apps learn about an image: values, never rows."""

from __future__ import annotations

from typing import Literal

from cloudweb.objects import Part


class ImageLocation(Part):
    """Where a host fetches an image's data, and what it must be.

    ``url`` is signed for this image alone and works for ten minutes. ``size`` (of the file),
    ``virtual_size`` (of the disk) in bytes; ``min_disk`` in GiB, ``min_ram`` in MiB. ``disk_format``
    is how the host opens it: kernels and ramdisks are raw. ``kernel_id`` and ``ramdisk_id`` name
    the images to boot directly, ``cmdline`` is the kernel's command line then.
    """

    id: str
    name: str
    url: str
    sha512: str
    size: int
    virtual_size: int
    disk_format: Literal["raw", "qcow2"]
    min_disk: int
    min_ram: int
    kernel_id: str | None = None
    ramdisk_id: str | None = None
    cmdline: str = ""
