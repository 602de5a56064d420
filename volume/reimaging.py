"""What a host does to write a volume anew from an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from cloudweb.agent import Function
from cloudweb.driver import DriverError, Work
from cloudweb.image_cache.cache import ImageCache
from cloudweb.rpc import Method
from volume import rpc
from volume.drivers.base import Reimage, VolumeDriver, VolumeInUse, opened
from volume.objects import ReimageRequest, VolumeRef, VolumeState


class HostReimaging:
    """The volumes of one host that are written anew. ``locked`` keeps all other work from a volume."""

    def __init__(
        self,
        driver: Callable[[VolumeRef], VolumeDriver],
        locked: Callable[..., AbstractContextManager[Any]],
        in_use: Callable[[str], bool],
        images: ImageCache,
    ) -> None:
        self._driver_of, self._locked, self._in_use = driver, locked, in_use
        self._images = images

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does the method."""
        return {rpc.REIMAGE: self.reimage}

    def reimage(self, request: ReimageRequest, work: Work) -> VolumeState:
        """Fetch the image, then write it over a volume that nobody uses."""
        driver, volume, image = self._driver_of(request.volume), request.volume, None
        if not isinstance(driver, Reimage):
            raise DriverError("This volume's back end cannot write volumes anew.")
        if driver.wants_images:
            work.checkpoint()
            image = self._images.ensure(request.image, work)
        with self._locked(volume.id):
            work.checkpoint()
            if self._in_use(volume.id):
                raise VolumeInUse
            with opened(driver, volume, request.passphrase):
                driver.reimage(request, image=image, work=work)
            return driver.get(volume)
