"""Snapshots of groups of volumes."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, UnknownMarker
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume.exceptions import (
    GroupNotFound,
    GroupSnapshotNotFound,
    InvalidGroup,
    InvalidGroupSnapshot,
)
from volume.manager.lifecycle import MAKING
from volume.manager.snapshots_together import SnapshotsTogether, at_one_moment, paused_for
from volume.manager.volume_type import Identifier, number
from volume.models import Group, GroupSnapshot, Pool, Snapshot, Volume
from volume.operations import DeleteTogether
from volume.querysets import GroupSnapshotQuerySet
from volume.states import (
    DELETABLE_GROUP_SNAPSHOTS,
    GroupSnapshotStatus,
    GroupStatus,
    SnapshotStatus,
)

#: The spec of a group type that demands snapshots of one moment, and how it says yes.
CONSISTENT, YES = "consistent_group_snapshot_enabled", "<is> True"


class GroupSnapshotManager(SnapshotsTogether):
    """The snapshots of groups of the caller's project (of all, for an admin who says so)."""

    def _group_snapshots(self) -> GroupSnapshotQuerySet:
        return GroupSnapshot.objects.visible_to(self.context)

    @policy("volume:group_snapshots:list")
    def list(
        self, listing: Listing = EVERYTHING, *, all_projects: bool = False
    ) -> Page[GroupSnapshot]:
        """Return a page of them; raise UnknownMarker."""
        rows, last = self._group_snapshots().complete(), None
        if not all_projects:
            rows = rows.filter(project_id=self.context.project_id or "")
        if listing.marker is not None:
            last = self._group_snapshots().filter(pk=number(listing.marker)).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows, listing, last=last)

    @policy("volume:group_snapshots:get")
    def find(self, group_snapshot_id: Identifier) -> GroupSnapshot:
        """Return one; raise GroupSnapshotNotFound."""
        rows = self._group_snapshots().complete()
        found = rows.filter(pk=number(group_snapshot_id)).first()
        if found is None:
            raise GroupSnapshotNotFound(group_snapshot_id)
        return found

    @policy("volume:group_snapshots:create")
    def create(
        self, group_id: Identifier, *, name: str | None = None, description: str | None = None
    ) -> GroupSnapshot:
        """Record snapshots of all volumes of a group, and start taking them together.

        Raises GroupNotFound, InvalidGroup, InvalidVolume for what cannot be snapshotted, QuotaExceeded.
        """
        with transaction.atomic():
            group = self._group(group_id)
            volumes = [*locked(Volume.objects.filter(group=group).order_by("pk"))]
            paused = self._check(group, volumes)
            row = GroupSnapshot.objects.create(
                group=group,
                project_id=group.project_id,
                user_id=self.context.user_id or "",
                name=name,
                description=description,
            )
            try:
                self._take_together(
                    volumes, name=name, description=description, of_group=row, paused=paused
                )
            except ResourceBusy as error:
                raise InvalidGroup(error.message) from error
        return row

    def _group(self, group_id: Identifier) -> Group:
        rows = Group.objects.visible_to(self.context).filter(pk=number(group_id))
        found = locked(rows).first()
        if found is None:
            raise GroupNotFound(group_id)
        return found

    def _check(
        self,
        group: Group,
        volumes: list[Volume],  # type: ignore[valid-type]
    ) -> Mapping[str, bool] | None:
        """Raise where it cannot be; return whose servers are held for the moment that is demanded."""
        if group.status != GroupStatus.AVAILABLE:
            raise InvalidGroup(f"group {group.id} is {group.status}: it must be available.")
        if not volumes:
            raise InvalidGroup(f"group {group.id} has no volumes.")
        if group.group_type.group_specs.get(CONSISTENT) != YES:
            return None
        if at_one_moment([*Pool.objects.filter(volumes__in=volumes).distinct()]):
            return None
        paused = paused_for(volumes)
        if paused is None:
            raise InvalidGroup(
                f"the type of group {group.id} demands snapshots of one moment; its volumes are not all "
                "in one back end that can take such, and not all who use them can be paused for it."
            )
        return paused

    @policy("volume:group_snapshots:delete")
    def delete(self, group_snapshot_id: Identifier) -> None:
        """Start deleting one with all that is in it; raise InvalidGroupSnapshot where that cannot be."""
        with transaction.atomic():
            row = self._held_snapshot(group_snapshot_id)
            if row.status not in DELETABLE_GROUP_SNAPSHOTS:
                raise InvalidGroupSnapshot(
                    f"group snapshot {row.id} is {row.status}: it must be "
                    f"{', '.join(sorted(DELETABLE_GROUP_SNAPSHOTS))}."
                )
            inside = Snapshot.objects.filter(group_snapshot=row)
            volumes = Volume.objects.filter(snapshots__in=inside).order_by("pk").distinct()
            [*locked(Volume.objects.filter(pk__in=volumes.values("pk")).order_by("pk"))]
            if Volume.objects.filter(
                snapshot_id__in=inside.values("id"), status__in=MAKING
            ).exists():
                raise InvalidGroupSnapshot(f"group snapshot {row.id} is being copied.")
            inside.update(status=SnapshotStatus.DELETING, updated_at=now())
            self._write_status(row, GroupSnapshotStatus.DELETING)
            ids = [str(key) for key in inside.values_list("id", flat=True)]
            try:
                DeleteTogether.start(self.context, resource_id=str(row.id), args={"snapshots": ids})
            except ResourceBusy as error:
                raise InvalidGroupSnapshot(error.message) from error

    @policy("volume:group_snapshots:reset_status")
    def reset_status(self, group_snapshot_id: Identifier, *, status: str) -> None:
        """Say what one is, whatever it was; raise BadRequest for no status."""
        if status not in GroupSnapshotStatus.values:
            raise BadRequest(f"Group snapshot status: {status[:64]} is invalid, valid status are: "
                             f"{', '.join(GroupSnapshotStatus.values)}.")  # fmt: skip
        with transaction.atomic():
            self._write_status(self._held_snapshot(group_snapshot_id), status)

    def _held_snapshot(self, group_snapshot_id: Identifier) -> GroupSnapshot:
        """Return the row, locked until the end of the transaction."""
        found = locked(self._group_snapshots().filter(pk=number(group_snapshot_id))).first()
        if found is None:
            raise GroupSnapshotNotFound(group_snapshot_id)
        return found

    def _write_status(self, row: GroupSnapshot, status: str) -> None:
        GroupSnapshot.objects.filter(pk=row.pk).update(status=status, updated_at=now())
