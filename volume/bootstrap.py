"""What a new cloud offers from the start."""

from __future__ import annotations

from django.db import transaction

from volume import conf
from volume.models import VolumeType


def ensure_default_type() -> None:
    """Offer the type of who names none; safe to repeat. One that is there stays as it is."""
    with transaction.atomic():
        VolumeType.objects.bulk_create(
            [VolumeType(name=conf.DEFAULT_TYPE, description="The default volume type.")],
            ignore_conflicts=True,
        )
