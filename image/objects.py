"""What other apps learn about an image: values, never rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from cloudweb.objects import Part

#: The property of an image that says that QEMU's agent runs in what boots from it, and how it says yes.
GUEST_AGENT, _YES = "hw_qemu_guest_agent", frozenset({"yes", "true", "1", "on"})


def has_agent(properties: Mapping[str, object]) -> bool:
    """Tell whether an image with these properties, or what was made of it, brings the agent."""
    return str(properties.get(GUEST_AGENT, "")).strip().lower() in _YES


class ImageLocation(Part):
    """Where a host fetches an image's data, and what it must be.

    ``url`` is signed for this image alone and works for ten minutes. ``size`` (of the file),
    ``virtual_size`` (of the disk) in bytes; ``min_disk`` in GiB, ``min_ram`` in MiB. ``disk_format``
    is how the host opens it: kernels and ramdisks are raw. ``kernel_id`` and ``ramdisk_id`` name
    the images to boot directly, ``cmdline`` is the kernel's command line then. ``guest_agent``: what
    boots from it runs QEMU's agent (property ``hw_qemu_guest_agent``). ``rescue_device`` and
    ``rescue_bus`` say as what a server gets it that is rescued with it; empty: its properties do not say.
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
    guest_agent: bool = False
    rescue_device: str = ""
    rescue_bus: str = ""
    properties: dict[str, str] = Field(default_factory=dict)
