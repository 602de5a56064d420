"""Groups that are made of others: of what their volumes hold now, or held when they were snapshotted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction

from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume import quota
from volume.exceptions import (
    GroupNotFound,
    GroupSnapshotNotFound,
    InvalidGroup,
    InvalidGroupSnapshot,
)
from volume.manager.building import VolumeRequest
from volume.manager.volume import VolumeManager
from volume.manager.volume_type import number
from volume.models import Group, GroupSnapshot, Snapshot, Volume
from volume.states import GroupSnapshotStatus, GroupStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What a group is made of: the group it is like, and what each of its volumes begins with."""

    group: Group
    volumes: list[VolumeRequest]
    columns: Mapping[str, object] = field(default_factory=dict)


class GroupCopies(Manager):
    """Groups with volumes that begin as others' are or were."""

    @policy("volume:groups:create")
    def create_from(
        self,
        *,
        group_snapshot_id: str | None = None,
        source_group_id: str | None = None,
        name: str | None = None,
        description: str | None = None,
    ) -> Group:
        """Record a group with its volumes, in the order of the originals, and start making them.

        Exactly one source is named. Raises BadRequest, InvalidGroup, InvalidGroupSnapshot, QuotaExceeded;
        nothing is recorded then. The group is available once all volumes are, and in error if one is.
        """
        if (group_snapshot_id is None) == (source_group_id is None):
            raise BadRequest(
                "Either 'source_group_id' or 'group_snapshot_id' must be provided to create "
                "a group from source, and not both."
            )
        project = self.context.scoped_project_id
        with transaction.atomic():
            if group_snapshot_id is not None:
                original = self._of_snapshot(group_snapshot_id)
            else:
                original = self._of_group(str(source_group_id))
            quota.reserve(project, groups=1)
            made = Group.objects.create(
                project_id=project,
                user_id=self.context.user_id or "",
                name=name,
                description=description,
                status=GroupStatus.CREATING,
                group_type=original.group.group_type,
                zone=original.group.zone,
                **original.columns,
            )
            made.volume_types.set(original.group.volume_types.all())
            for wanted in original.volumes:
                VolumeManager(self.context).create_in(made, wanted)
        return made

    def _of_snapshot(self, group_snapshot_id: str) -> Original:
        rows = GroupSnapshot.objects.visible_to(self.context)
        found = locked(rows.filter(pk=number(group_snapshot_id))).first()
        if found is None:
            raise _unknown(GroupSnapshotNotFound(group_snapshot_id))
        if found.status != GroupSnapshotStatus.AVAILABLE:
            raise InvalidGroupSnapshot(
                f"group snapshot {found.id} is {found.status}: it must be available."
            )
        inside = Snapshot.objects.filter(group_snapshot=found).order_by("created_at", "id")
        volumes = [
            VolumeRequest(name=one.name, snapshot_id=str(one.id), size=one.size) for one in inside
        ]
        if not volumes:
            raise InvalidGroupSnapshot(f"group snapshot {found.id} is empty.")
        columns = {"group_snapshot_id": found.id}
        return Original(group=found.group, volumes=volumes, columns=columns)

    def _of_group(self, group_id: str) -> Original:
        rows = Group.objects.visible_to(self.context).filter(pk=number(group_id))
        found = locked(rows).first()
        if found is None:
            raise _unknown(GroupNotFound(group_id))
        if found.status != GroupStatus.AVAILABLE:
            raise InvalidGroup(f"group {found.id} is {found.status}: it must be available.")
        inside = Volume.objects.filter(group=found).order_by("created_at", "id")
        volumes = [VolumeRequest(name=one.name, source_volume_id=str(one.id)) for one in inside]
        if not volumes:
            raise InvalidGroup(f"group {found.id} has no volumes.")
        return Original(group=found, volumes=volumes, columns={"source_group_id": found.id})


def _unknown(error: NotFound) -> BadRequest:
    return BadRequest(error.message)
