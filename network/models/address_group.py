"""Address groups: lists of addresses that rules name."""

from __future__ import annotations

from django.db import models

from network.models.standard import Shareable
from network.querysets import AddressGroupQuerySet


class AddressGroup(Shareable):
    """Blocks, in their usual text form and in order, of both IP versions."""

    addresses = models.JSONField(default=list, blank=True)

    objects = AddressGroupQuerySet.as_manager()

    class Meta(Shareable.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="addresses_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="addresses_by_age"),
            models.Index(fields=["created_at", "id"], name="addresses_all_by_age"),
        ]
