"""Segments: of what each network is made; one for each network, under the network's id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from django.db import transaction

from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network.manager.standard import Identifier, StandardManager, number
from network.models import Network
from network.segment_exceptions import SegmentInUse, SegmentNotFound


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

    @policy("network:segments:create")
    def create(self, *, network_id: Identifier, **_: Any) -> Network:
        """Raise SegmentInUse: a network has one already. Raises SegmentNotFound for no network."""
        raise SegmentInUse(self._get(network_id).id)

    @policy("network:segments:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[Network]:
        """Raise what the first of them does."""
        return [self.create(**item) for item in items]

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
            row = self._changing(
                self._writable(segment_id, "network:segments:update"), if_revision
            )
            wanted = {f"segment_{name}": value for name, value in changes.items()}
            Network.objects.filter(id=row.id).update(**wanted) if wanted else None
        return self.get(row.id)

    @policy("network:segments:delete")
    def delete(self, segment_id: Identifier, *, if_revision: int | None = None) -> None:
        """Raise SegmentInUse: it goes with its network. Raises SegmentNotFound."""
        raise SegmentInUse(self.get(segment_id).id)
