"""Every route of the image cache by everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from identity.models import User
from image.models import Image
from tests.builders.access import OPERATORS, Line, access_test, shared_world
from tests.builders.identity import make_context
from tests.builders.images import RAW, make_image

CACHE = "/image/v2/cache"


def build(owner: User) -> dict[str, Any]:
    """Return the id of an image of the project whose data is far away."""
    image = make_image(context=make_context(owner), data=RAW)
    Image.objects.filter(id=image.id).update(stores=["far"])
    return {"far_id": str(image.id)}


@pytest.fixture(autouse=True)
def cache(settings: Any, tmp_path: Path) -> None:
    """Have a cache in front of a store that nobody asks here."""
    settings.IMAGE_CACHE, settings.IMAGE_CACHE_SIZE = tmp_path / "cache", 10**6
    settings.IMAGE_STORES = {"far": {"kind": "s3"}}


LINES = [
    Line("GET", CACHE, OPERATORS),
    Line("DELETE", CACHE, OPERATORS, status=204),
    Line("PUT", CACHE + "/{far_id}", OPERATORS, status=202),
    Line("DELETE", CACHE + "/{far_id}", OPERATORS, status=204),
]
world = shared_world(build)
test_access = access_test(LINES)
