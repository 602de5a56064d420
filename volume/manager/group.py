"""Groups of volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, NotFound, UnknownMarker
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.policy import policy
from volume import quota
from volume.exceptions import GroupNotFound, InvalidGroup
from volume.manager.group_copying import GroupCopies
from volume.manager.group_fit import check_type
from volume.manager.group_type import GroupTypeManager
from volume.manager.volume import VolumeManager
from volume.manager.volume_type import Identifier, VolumeTypeManager, number
from volume.models import Group, GroupSnapshot, Volume
from volume.querysets import GroupQuerySet
from volume.states import AT_REST, GroupStatus

#: What a group is while nothing is done to its volumes for its sake.
SETTLED = frozenset({GroupStatus.AVAILABLE, GroupStatus.ERROR})


class GroupManager(GroupCopies):
    """The groups of the caller's project (of all, for an admin who says so)."""

    def _rows(self) -> GroupQuerySet:
        return Group.objects.visible_to(self.context)

    @policy("volume:groups:list")
    def list(self, listing: Listing = EVERYTHING, *, all_projects: bool = False) -> Page[Group]:
        """Return a page of groups; raise UnknownMarker."""
        rows, last = self._rows().complete(), None
        if not all_projects:
            rows = rows.filter(project_id=self.context.project_id or "")
        if listing.marker is not None:
            last = self._rows().filter(pk=number(listing.marker)).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows, listing, last=last)

    @policy("volume:groups:get")
    def get(self, group_id: Identifier) -> Group:
        """Return a group; raise GroupNotFound."""
        found = self._rows().complete().filter(pk=number(group_id)).first()
        if found is None:
            raise GroupNotFound(group_id)
        return found

    @policy("volume:groups:create")
    def create(
        self,
        *,
        group_type: str,
        volume_types: Sequence[str],
        name: str | None = None,
        description: str | None = None,
        zone: str | None = None,
    ) -> Group:
        """Make a group without volumes; raise BadRequest for types there are none of, QuotaExceeded."""
        project = self.context.scoped_project_id
        try:
            kind = GroupTypeManager(self.context).get(group_type)
            types = [VolumeTypeManager(self.context).named(one) for one in volume_types]
        except NotFound as error:
            raise BadRequest(error.message) from error
        with transaction.atomic():
            quota.reserve(project, groups=1)
            made = Group.objects.create(
                project_id=project,
                user_id=self.context.user_id or "",
                name=name,
                description=description,
                group_type=kind,
                zone=zone or "",
            )
            made.volume_types.set(types)
        return made

    @policy("volume:groups:update")
    def update(
        self,
        group_id: Identifier,
        /,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        **changes: Any,
    ) -> None:
        """Rename a group, describe it, put volumes in and take them out.

        Raises GroupNotFound, BadRequest for no change, InvalidGroup for volumes that do not fit.
        """
        if not changes and not add and not remove:
            raise BadRequest(
                "Name, description, add_volumes, and remove_volumes can not be all empty in the request body."
            )
        with transaction.atomic():
            group = self._held(group_id)
            for row in self._volumes(group, add):
                _check_fits(row, group)
                Volume.objects.filter(pk=row.pk).update(group=group, updated_at=now())
            for row in self._volumes(group, remove):
                if row.group_id != group.id:
                    raise InvalidGroup(f"volume {row.id} is not in group {group.id}.")
                Volume.objects.filter(pk=row.pk).update(group=None, updated_at=now())
            Group.objects.filter(pk=group.pk).update(updated_at=now(), **changes)

    @policy("volume:groups:delete")
    def delete(self, group_id: Identifier, *, with_volumes: bool = False) -> None:
        """Remove a group, and start deleting its volumes if that is asked for.

        Raises GroupNotFound, InvalidGroup for one with volumes, InvalidVolume for one that must stay.
        """
        with transaction.atomic():
            group = self._held(group_id)
            if group.status not in SETTLED:
                raise InvalidGroup(f"group {group.id} is {group.status}.")
            if GroupSnapshot.objects.filter(group=group).exists():
                raise InvalidGroup(f"group {group.id} has group snapshots: delete those first.")
            held = [*Volume.objects.filter(group=group).values_list("id", flat=True)]
            if held and not with_volumes:
                raise InvalidGroup(
                    f"group {group.id} still contains volumes. "
                    "The delete-volumes flag is required to delete it."
                )
            Volume.objects.filter(group=group).update(group=None)
            for one in held:
                VolumeManager(self.context).delete(str(one))
            group.delete()

    @policy("volume:groups:reset_status")
    def reset_status(self, group_id: Identifier, *, status: str) -> None:
        """Say what a group is, whatever it was; raise GroupNotFound, BadRequest for no status."""
        if status not in GroupStatus.values:
            raise BadRequest(f"Group status: {status[:64]} is invalid, valid status are: "
                             f"{', '.join(GroupStatus.values)}.")  # fmt: skip
        with transaction.atomic():
            group = self._held(group_id)
            Group.objects.filter(pk=group.pk).update(status=status, updated_at=now())

    def _held(self, group_id: Identifier) -> Group:
        """Return the row, locked until the end of the transaction."""
        found = locked(self._rows().filter(pk=number(group_id))).first()
        if found is None:
            raise GroupNotFound(group_id)
        return found

    def _volumes(self, group: Group, ids: Sequence[str]) -> Sequence[Volume]:
        """Return these volumes of the group's project, locked in one order; raise InvalidGroup."""
        keys = {number(one): one for one in ids}
        rows = Volume.objects.filter(pk__in=keys, project_id=group.project_id).order_by("pk")
        found = [*locked(rows)]
        if missing := keys.keys() - {row.pk for row in found}:
            raise InvalidGroup(f"volume {keys[missing.pop()][:64]} could not be found.")
        return found


def _check_fits(row: Volume, group: Group) -> None:
    if row.group_id not in (None, group.id):
        raise InvalidGroup(f"volume {row.id} is in group {row.group_id} already.")
    if row.status not in AT_REST:
        raise InvalidGroup(f"volume {row.id} is {row.status}: it must be available or in-use.")
    check_type(group, row.volume_type_id)
