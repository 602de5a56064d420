"""Kernels beside a guest's disk: what a host fetches for guests that bring their disks along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cloudweb.driver import Work
from cloudweb.image_cache.cache import ImageCache
from compute.drivers.base import Hypervisor
from compute.objects import GuestSpec


def boot_images(
    spec: GuestSpec, driver: Hypervisor, cache: ImageCache, work: Work
) -> Mapping[str, Path]:
    """Return kernel and ramdisk of a guest by their ids, once they are here."""
    images: dict[str, Path] = {}
    direct = spec.direct_boot
    if direct is not None and driver.wants_images:
        for source in filter(None, (direct.kernel, direct.ramdisk)):
            work.checkpoint()
            images[source.id] = cache.ensure(source, work)
    work.checkpoint()
    return images
