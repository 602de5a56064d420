"""Ranges of the numbers that networks are given: operators say whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from cloudweb.database.locks import alone_with
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network.exceptions.segments import (
    NetworkSegmentRangeDefaultReadOnly,
    NetworkSegmentRangeNotFound,
    NetworkSegmentRangeOverlaps,
    NetworkSegmentRangeReferencedByProject,
)
from network.manager.standard import Identifier, StandardManager
from network.models import SegmentRange
from network.segments import numbers_in_use
from network.strategies import STRATEGIES

#: Held by who changes ranges: two that overlap would not see each other.
_CHANGE = UUID("c1a1f0c4-53c5-4d1c-8d0b-6f6c8f1f2b9e")


class SegmentRangeChanges(TypedDict, total=False):
    """What may change on a range."""

    name: str
    description: str
    minimum: int
    maximum: int


class SegmentRangeManager(StandardManager[SegmentRange]):
    """Ranges, each with ``used``: the numbers that networks have, by project."""

    model = SegmentRange
    missing = NetworkSegmentRangeNotFound

    @policy("network:segment_ranges:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[SegmentRange]:
        """Return all of them."""
        page = self._page(listing)
        return replace(page, rows=_with_use(page.rows))

    @policy("network:segment_ranges:get")
    def get(self, range_id: Identifier) -> SegmentRange:
        """Return a range; raise NetworkSegmentRangeNotFound."""
        return _with_use([self._get(range_id)])[0]

    @policy("network:segment_ranges:create")
    def create(
        self,
        *,
        kind: str,
        minimum: int,
        maximum: int,
        name: str = "",
        description: str = "",
        physical_network: str = "",
        shared: bool = True,
        default: bool = False,
        project_id: str | None = None,
    ) -> SegmentRange:
        """Make a range.

        Raises InvalidInput for numbers or a wire that the type has not, BadRequest for one that is
        neither shared nor a project's, NetworkSegmentRangeOverlaps.
        """
        if default:
            raise BadRequest("Creating default network segment range is not allowed.")
        if shared and project_id:
            raise BadRequest("A network segment range that is shared is no project's.")
        if not shared and not project_id:
            raise BadRequest("A network segment range that is not shared needs a project_id.")
        row = SegmentRange(
            kind=kind,
            minimum=minimum,
            maximum=maximum,
            name=name,
            description=description,
            physical_network=physical_network,
            shared=shared,
            project_id=project_id or "",
        )
        with transaction.atomic():
            self._check(row)
            row.save(force_insert=True)
        return self.get(row.id)

    @policy("network:segment_ranges:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[SegmentRange]:
        """Make all of them or none."""
        with transaction.atomic():
            return [self.create(**item) for item in items]

    @policy("network:segment_ranges:update")
    def update(
        self,
        range_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[SegmentRangeChanges],
    ) -> SegmentRange:
        """Change a range. Raises what ``create`` does, and NetworkSegmentRangeReferencedByProject."""
        with transaction.atomic():
            row = self._own(range_id, "network:segment_ranges:update", if_revision)
            before = set(numbers_in_use([row])[row.id])
            for name, value in changes.items():
                setattr(row, name, value)
            if changes.keys() & {"minimum", "maximum"}:
                self._check(row)
                if not before <= set(row.numbers):
                    raise NetworkSegmentRangeReferencedByProject(row.id)
            row.save(update_fields=[*changes]) if changes else None
        return self.get(row.id)

    @policy("network:segment_ranges:delete")
    def delete(self, range_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a range; raise NetworkSegmentRangeReferencedByProject while networks have its numbers."""
        with transaction.atomic():
            row = self._own(range_id, "network:segment_ranges:delete", if_revision)
            if numbers_in_use([row])[row.id]:
                raise NetworkSegmentRangeReferencedByProject(row.id)
            row.delete()

    def _own(self, range_id: Identifier, name: str, if_revision: int | None) -> SegmentRange:
        row = self._changing(self._writable(range_id, name), if_revision)
        if row.default:
            raise NetworkSegmentRangeDefaultReadOnly(row.id)
        return row

    @staticmethod
    def _check(row: SegmentRange) -> None:
        """Raise unless the numbers are the type's and no other range's; keep it so until the commit."""
        strategy = STRATEGIES[row.kind]
        if strategy.has_wire and not row.physical_network:
            raise InvalidInput(
                field="physical_network",
                value="",
                reason=f"A range of {strategy.network_type} numbers is of one wire.",
            )
        for name in ("minimum", "maximum"):
            strategy.check(
                physical_network=row.physical_network, segmentation_id=getattr(row, name)
            )
        if row.minimum > row.maximum:
            raise InvalidInput(
                field="minimum", value=row.minimum, reason="It is larger than the maximum."
            )
        alone_with(_CHANGE, wait=True)
        others = SegmentRange.objects.filter(
            Q(minimum__lte=row.maximum, maximum__gte=row.minimum),
            default=False,
            kind=row.kind,
            physical_network=row.physical_network,
        ).exclude(id=row.id)
        if found := [str(one) for one in others.values_list("id", flat=True)]:
            raise NetworkSegmentRangeOverlaps(", ".join(found))


def _with_use(rows: Sequence[SegmentRange]) -> list[SegmentRange]:
    used = numbers_in_use(rows)
    for row in rows:
        row.used = used[row.id]
    return [*rows]
