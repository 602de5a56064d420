"""GET /v2/info/usage: what is there and what is allowed, of one's own project."""

from __future__ import annotations

import pytest

from identity import quotas
from image.models import Image
from tests.builders.identity import client_with, make_project

pytestmark = pytest.mark.django_db


def test_usage_is_counted_from_the_rows() -> None:
    project = make_project()
    member, other = client_with("member", project=project), client_with("member")
    for name in ("a", "b"):
        member.send("POST", "/image/v2/images", {"name": name})
    other.send("POST", "/image/v2/images", {"name": "not counted"})
    Image.objects.filter(name="a").update(status="active", size=1024**2 + 1)
    quotas.update(project.pk, "image", {"image_count_total": 7})
    assert member.send("GET", "/image/v2/info/usage").json() == {
        "usage": {
            "image_count_total": {"usage": 2, "limit": 7},
            "image_count_uploading": {"usage": 0, "limit": 32},
            "image_size_total": {"usage": 2, "limit": 512_000},
        }
    }
