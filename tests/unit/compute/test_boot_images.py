"""A guest that goes to another host finds its kernel there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from cloudweb.driver import Unguarded
from cloudweb.image_cache.cache import ImageCache
from compute.drivers.fake import FakeDriver
from compute.live_migrating import LiveMigrations
from compute.live_objects import PrepareRequest
from compute.objects import DirectBoot, ImageSource
from tests.builders.guests import make_guest, make_image

WORK = Unguarded()


class Cache:
    """An image cache that finds everything."""

    def ensure(self, source: ImageSource, work: Any) -> Path:
        return Path("/cache") / source.id


class Driver(FakeDriver):
    """One that is given images."""

    given: Mapping[str, Path] | None = None

    def pre_live_migration(
        self, request: PrepareRequest, *, images: Mapping[str, Path], work: Any
    ) -> Any:
        self.given = images
        return super().pre_live_migration(request, images=images, work=work)


@pytest.mark.parametrize(
    ("wants", "ramdisk", "given"),
    [
        (True, True, {"kernel", "ramdisk"}),
        (True, False, {"kernel"}),
        (False, True, set()),
    ],
)
def test_a_host_that_a_guest_comes_to_fetches_its_kernel(
    monkeypatch: pytest.MonkeyPatch, *, wants: bool, ramdisk: bool, given: set[str]
) -> None:
    monkeypatch.setattr(Driver, "wants_images", wants)
    driver = Driver(host="b")
    moves = LiveMigrations(
        driver, cast("ImageCache", Cache()),
        keep=lambda spec, *, runs: None, note_runs=lambda guest_id, *, runs: None,
        forget=lambda guest_id: None, soon=lambda: None,
    )  # fmt: skip
    direct = DirectBoot(
        kernel=make_image(id="kernel"), ramdisk=make_image(id="ramdisk") if ramdisk else None
    )
    request = PrepareRequest(spec=make_guest(direct_boot=direct), source_host="a", disks=())
    moves.prepare(request, WORK)
    assert driver.given == {name: Path("/cache") / name for name in given}
