"""Segments: of what each network is made; one for each network, which comes and goes with it, under its id."""

from __future__ import annotations

from typing import TypedDict, Unpack

from django.db import transaction

from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network.exceptions.segments import SegmentNotFound
from network.manager.standard import Identifier, StandardManager
from network.models import Network


class SegmentChanges(TypedDict, total=False):
    """What may change on a segment."""

    name: str
    description: str


class SegmentManager(StandardManager[Network]):
    """The segments of all networks, for operators."""

    model = Network
    missing = SegmentNotFound

    @policy("network:segments:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Network]:
        """Return all of them, each as its network's row."""
        return self._page(listing, Network.objects.all())

    @policy("network:segments:get")
    def get(self, segment_id: Identifier) -> Network:
        """Return one; raise SegmentNotFound."""
        return self._get(segment_id)

    @policy("network:segments:update")
    def update(
        self,
        segment_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[SegmentChanges],
    ) -> Network:
        """Name or describe one."""
        with transaction.atomic():
            row = self._changing(self._writable(segment_id, "network:segments:update"), if_revision)
            wanted = {f"segment_{name}": value for name, value in changes.items()}
            Network.objects.filter(id=row.id).update(**wanted) if wanted else None
        return self.get(row.id)
