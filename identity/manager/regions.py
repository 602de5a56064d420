"""The regions of the catalog."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import CatalogInUse, NoSuchReference, RegionNotFound
from identity.ids import new_id
from identity.manager.projects import merged
from identity.manager.writing import change, insert
from identity.models import Region


class RegionManager(Manager):
    """Places; a client may choose their ids."""

    @policy("identity:regions:list")
    def list(self) -> QuerySet[Region]:
        """Return every region."""
        return Region.objects.all()

    @policy("identity:regions:get")
    def get(self, region_id: str) -> Region:
        """Return a region; raise RegionNotFound."""
        region = Region.objects.filter(pk=region_id).first()
        if region is None:
            raise RegionNotFound(region_id)
        return region

    @policy("identity:regions:create")
    def create(
        self,
        region_id: str | None = None,
        *,
        description: str = "",
        parent_id: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Region:
        """Record a region under its id, drawn if none is given; raise NoSuchReference (its parent)."""
        parent_id = existing_region(parent_id)
        region = Region(
            id=region_id or new_id(),
            description=description,
            parent_id=parent_id,
            extra=extra or {},
        )
        insert(region, taken=Conflict(f"The region {region.pk} exists already."))
        return region

    @policy("identity:regions:update")
    def update(self, /, region_id: str, **changes: Any) -> Region:
        """Change a region; raise NoSuchReference, and BadRequest for one within itself."""
        region = self.get(region_id)
        if "extra" in changes:
            changes["extra"] = merged(region.extra, changes["extra"])
        with transaction.atomic():
            if "parent_id" in changes:
                tuple(locked(Region.objects.order_by("pk")).values_list("pk"))
                self._check_parent(region, existing_region(changes["parent_id"]))
            change(region, changes, taken=Conflict("There is such a region already."))
        return region

    def _check_parent(self, region: Region, parent_id: str | None) -> None:
        above = parent_id
        while above is not None:
            if above == region.pk:
                raise BadRequest(f"The region {region.pk} cannot lie within itself.")
            above = self.get(above).parent_id

    @policy("identity:regions:delete")
    def delete(self, region_id: str) -> None:
        """Remove a region; raise CatalogInUse while anything lies in it."""
        region = self.get(region_id)
        with transaction.atomic():
            locked(Region.objects.filter(pk=region.pk)).first()
            for users in ("endpoints", "children", "limits"):
                if getattr(region, users).exists():
                    noun = {"children": "regions within it"}.get(users, users)
                    raise CatalogInUse(kind="region", given=region.pk, users=noun)
            region.delete()


def existing_region(region_id: str | None, region_name: str | None = None) -> str | None:
    """Return a region's id, or the name that makes a region where there is none; raise NoSuchReference."""
    if region_id is not None:
        if not Region.objects.filter(pk=region_id).exists():
            raise NoSuchReference(f"Could not find region: {region_id}.")
        return region_id
    if region_name is not None:
        Region.objects.get_or_create(pk=region_name)
    return region_name
