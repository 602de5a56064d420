"""The page on which an operator moves a server, watches it go, and calls it off."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute.live_progress import LiveProgress
from instances.models import Migration
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import lab

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_move_is_begun_watched_and_called_off(tmp_path: Path) -> None:
    with lab(tmp_path, hosts=2) as home:
        admin = browser_of(make_member("admin", project=home.project, password=PASSWORD))
        server = home.create()
        path = f"/servers/{server}/move"
        assert "Ask the hosts" in text_of(admin.get(path))
        assert admin.post(path, {"host": "h9"}).status_code == 422
        assert admin.post(path, {"host": ""}).url == path
        row = Migration.objects.get()
        seen = LiveProgress(
            id=server, memory_total=8 << 20, memory_remaining=2 << 20, speed=1 << 20
        )
        Migration.objects.filter(pk=row.pk).update(status="running", progress=seen.model_dump())
        page = text_of(admin.get(path))
        assert "2 MiB of memory" in page
        assert "no end at this rate" in page
        Migration.objects.filter(pk=row.pk).update(status="queued")
        assert admin.post(f"{path}/{row.pk}/abort").url == path
        home.cloud.settle()
        assert "Called off" in text_of(admin.get(path))
