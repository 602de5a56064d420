"""The image API does what its schema says, whatever is sent: no 5xx, no status it does not name."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import schemathesis

from cloudweb.database.clock import now
from image.api.serializers.patches import MEDIA_TYPES
from image.manager import ImageManager
from image.models import MetadefNamespace
from tests.builders.fuzzing import fuzzed, send, service_schema
from tests.builders.identity import make_context, make_member, make_project, make_token

IMAGE, PUBLIC = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
schemathesis.serializer.alias(list(MEDIA_TYPES), "application/json")
schema = service_schema(
    "image", {"image_id": [IMAGE, PUBLIC], "marker": [IMAGE], "namespace": ["a-namespace"]}
)


@pytest.fixture
def callers(db: Any, settings: Any, tmp_path: Any) -> Iterator[str]:
    """Tokens of a member with an image and of an admin with a public one, in turn."""
    settings.IMAGE_STORE = tmp_path
    settings.IMAGE_CACHE, settings.IMAGE_CACHE_SIZE = tmp_path / "cache", 10**6
    member, admin = make_member("member"), make_member("admin", project=make_project())
    facts = {"name": "an image", "disk_format": "raw", "container_format": "bare"}
    ImageManager(make_context(member)).create(image_id=UUID(IMAGE), attributes=facts)
    operators = ImageManager(make_context(admin))
    operators.create(image_id=UUID(PUBLIC), attributes={**facts, "visibility": "public"})
    operators.upload(UUID(PUBLIC), io.BytesIO(b"some bytes " * 100))
    moment = now()
    MetadefNamespace.objects.create(
        namespace="a-namespace",
        visibility="public",
        project_id=admin.default_project_id,
        created_at=moment,
        updated_at=moment,
    )
    return itertools.cycle(make_token(user).signed() for user in (member, admin))


@schema.parametrize()
@fuzzed
def test_image(case: Any, callers: Iterator[str]) -> None:
    send(case, token=next(callers))
