"""What was accepted and failed is told in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.volumes import lab
from volume.models import Message, Pool, Volume

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def test_a_volume_that_no_pool_takes(tmp_path: Path) -> None:
    """Once, to its project, with the request it was asked by."""
    with lab(tmp_path / "cloud", hosts=1) as made:
        Pool.objects.update(enabled=False, disabled_reason="a disk is dying")
        volume = made.create(size=1)
        made.cloud.settle()
        assert Volume.objects.get(id=volume).status == "error"
        told = Message.objects.get()
    assert (told.resource_type, str(told.resource_id)) == ("VOLUME", volume)
    assert told.event_id == "VOLUME_VOLUME_001_003"
    assert told.text.startswith("schedule allocate volume: No valid pool was found.")
    assert "dying" not in told.text
    assert told.project_id == Volume.objects.get(id=volume).project_id


def test_one_that_cannot_grow(tmp_path: Path) -> None:
    with lab(tmp_path / "cloud", hosts=1) as made:
        volume = made.create(size=1)
        made.cloud.settle()
        Pool.objects.update(ratio=0.0001)
        made.volumes.extend(volume, size=100)
        made.cloud.settle()
        assert Volume.objects.get(id=volume).status == "available"
        assert Message.objects.get().event_id == "VOLUME_VOLUME_007_003"
