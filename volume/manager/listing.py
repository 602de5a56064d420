"""Lists of volumes, and their sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Sum

from cloudweb import policy as policies
from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, narrowed
from cloudweb.policy import policy
from volume.manager.lookup import VolumeLookups
from volume.models import Volume
from volume.pages import page_from
from volume.querysets import VolumeQuerySet


@dataclass(frozen=True, slots=True)
class VolumeSums:
    """How many volumes there are and how large they are together; metadata as key -> all its values."""

    count: int
    size: int
    metadata: Mapping[str, Sequence[str]] = field(default_factory=dict)


class VolumeLists(VolumeLookups):
    """Pages of the caller's volumes."""

    @policy("volume:volumes:list")
    def list(
        self, listing: Listing = EVERYTHING, *, all_projects: bool = False, offset: int = 0
    ) -> Page[Volume]:
        """Return a page, with all that is shown; raise UnknownMarker.

        All projects are for those whom ``volume:volumes:list_all_projects`` allows it.
        """
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = self._rows().filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        rows = self._asked(all_projects=all_projects).complete()
        return page_from(rows, listing, last=last, offset=offset)

    @policy("volume:volumes:list")
    def count(self, listing: Listing = EVERYTHING, *, all_projects: bool = False) -> int:
        """Return how many there are on all pages."""
        return narrowed(self._asked(all_projects=all_projects), listing).count()

    @policy("volume:volumes:list")
    def names(self, volume_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of these volumes by id."""
        keys = [key for one in volume_ids if (key := as_uuid(one))]
        rows = self._rows().filter(id__in=keys).values_list("id", "name")
        return {str(key): name or "" for key, name in rows}

    @policy("volume:volumes:summary")
    def summary(self, *, all_projects: bool = False) -> VolumeSums:
        """Return the sums of the caller's volumes."""
        rows = self._asked(all_projects=all_projects)
        found = rows.aggregate(count=Count("id"), size=Sum("size"))
        metadata: defaultdict[str, set[str]] = defaultdict(set)
        for items in rows.exclude(metadata={}).values_list("metadata", flat=True):
            for key, value in items.items():
                metadata[key].add(value)
        return VolumeSums(
            found["count"],
            found["size"] or 0,
            {key: sorted(values) for key, values in sorted(metadata.items())},
        )

    def _asked(self, *, all_projects: bool) -> VolumeQuerySet:
        if all_projects:
            policies.check(self.context, "volume:volumes:list_all_projects")
            return Volume.objects.all()
        return Volume.objects.filter(project_id=self.context.project_id or "")
