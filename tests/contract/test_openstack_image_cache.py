"""The real openstack command: what is in the image cache and on its way into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from identity.models import Project
from image.manager import ImageManager
from tests.builders.images import RAW, make_image
from tests.builders.openstack import Command
from tests.builders.stores import s3_service, s3_settings

pytestmark = [
    pytest.mark.openstack,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),  # a dozen commands of seconds each
]


def test_the_cache(openstack: Command, settings: Any, tmp_path: Path) -> None:
    context = RequestContext.system(project_id=Project.objects.get(name="demo").pk)
    settings.IMAGE_CACHE, settings.IMAGE_CACHE_SIZE = tmp_path / "cache", 10**6
    with s3_service() as url:
        settings.IMAGE_STORES = {"far": s3_settings(url)}
        cached = make_image(context=context, name="cached", data=RAW)
        queued = make_image(context=context, name="queued", data=RAW)
        for _ in range(2):
            file = ImageManager(context).open(cached.id)[1]
            assert file is not None
            with file:
                assert file.read() == RAW

    def listed() -> list[tuple[Any, ...]]:
        found = openstack.json("cached", "image", "list")
        return [(one["ID"], one["State"], one["Size"], one["Hits"]) for one in found]

    whole = (str(cached.id), "cached", len(RAW), 1)
    assert listed() == [whole]
    openstack.text("cached", "image", "queue", "queued")
    assert listed() == [whole, (str(queued.id), "queued", "N/A", "N/A")]
    openstack.text("cached", "image", "clear", "--queue")
    assert listed() == [whole]
    openstack.text("cached", "image", "delete", "cached")
    assert openstack.requests[-1] == f"DELETE /image/v2/cache/{cached.id}"
    assert listed() == []
    openstack.text("cached", "image", "clear")
    openstack.refusal("cached", "image", "list", cloud="cloudweb")
    settings.IMAGE_CACHE_SIZE = 0
    assert "no image cache" in openstack.refusal("cached", "image", "list")
