"""Snapshots of several volumes that are taken together."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest
from cloudweb.identifiers import as_uuid
from cloudweb.policy import policy
from volume import quiescing, quota
from volume.exceptions import InvalidVolume, VolumeNotFound
from volume.manager.lookup import VolumeLookups, check_status
from volume.models import Attachment, GroupSnapshot, Pool, Snapshot, Volume
from volume.operations import SnapshotTogether
from volume.states import AttachmentStatus

MOST = 100


class SnapshotsTogether(VolumeLookups):
    """Volumes of one project as they were together."""

    @policy("volume:snapshots:create")
    def create_together(
        self, volume_ids: Sequence[str | uuid.UUID], *, name: str | None = None
    ) -> Sequence[Snapshot]:
        """Record snapshots of several volumes, in use or not, and start taking them together.

        Raises VolumeNotFound, InvalidVolume, QuotaExceeded.
        """
        with transaction.atomic():
            made, args = self.record_together(volume_ids, name=name)
            SnapshotTogether.start(self.context, resource_id=str(uuid.uuid4()), args=args)
        return made

    @policy("volume:snapshots:create")
    def record_together(
        self, volume_ids: Sequence[str | uuid.UUID], *, name: str | None = None
    ) -> tuple[Sequence[Snapshot], Mapping[str, Any]]:
        """Record them for an operation that takes them; return them and what ``SnapshotTogether`` is told.

        Call inside ``atomic()``. Raises as ``create_together`` does.
        """
        keys = {as_uuid(str(one)): one for one in volume_ids}
        if not 0 < len(keys) <= MOST:
            raise BadRequest(f"1 to {MOST} volumes are snapshotted together.")
        rows = self._rows().filter(id__in=[key for key in keys if key is not None])
        found = [*locked(rows.order_by("id"))]
        if missing := keys.keys() - {row.id for row in found}:
            raise VolumeNotFound(keys[missing.pop()])
        return self._recorded(found, name=name)

    def _take_together(
        self,
        volumes: Sequence[Volume],
        *,
        name: str | None,
        description: str | None = None,
        of_group: GroupSnapshot | None = None,
        paused: Mapping[str, bool] | None = None,
    ) -> Sequence[Snapshot]:
        """Record and start; the volumes' rows are locked. ``paused``: see ``paused_for``."""
        made, args = self._recorded(volumes, name=name, description=description, of_group=of_group)
        if paused is not None:
            stopped = sorted(key for key, must_be in paused.items() if must_be)
            args = {**args, "paused": stopped, "users": sorted(paused), "one_moment": True}
        key = str(of_group.id if of_group else uuid.uuid4())
        SnapshotTogether.start(self.context, resource_id=key, args=args)
        return made

    def _recorded(
        self,
        volumes: Sequence[Volume],
        *,
        name: str | None,
        description: str | None = None,
        of_group: GroupSnapshot | None = None,
    ) -> tuple[Sequence[Snapshot], Mapping[str, Any]]:
        pools = {row.id: row for row in Pool.objects.filter(volumes__in=volumes).distinct()}
        made: list[Snapshot] = []
        by_type = defaultdict(list)
        for volume in volumes:
            check_status(volume, "snapshot")
            pool = pools.get(volume.pool_id) if volume.pool_id else None
            if pool is None or "snapshots" not in pool.capabilities:
                raise InvalidVolume(f"The back end of volume {volume.id} has no snapshots.")
            by_type[volume.project_id, volume.volume_type_id].append(volume)
        for (project, _), some in by_type.items():
            wanted = {"snapshots": len(some), "gigabytes": sum(one.size for one in some)}
            quota.reserve(project, of=some[0].volume_type, **wanted)
            made += [
                Snapshot.objects.create(
                    volume=volume,
                    project_id=project,
                    user_id=self.context.user_id or "",
                    name=name,
                    description=description,
                    size=volume.size,
                    group_snapshot=of_group,
                )
                for volume in some
            ]
        in_use = Attachment.objects.filter(volume__in=volumes).attached()
        users = {*in_use.values_list("instance_id", flat=True)}
        servers = quiescing.able([str(one) for one in users if one is not None])
        return made, {
            "snapshots": [str(one.id) for one in made],
            "servers": sorted(servers),
            "all_frozen": len(servers) == len(users),
            "one_moment": at_one_moment(list(pools.values())),
        }


def paused_for(volumes: Sequence[Volume]) -> Mapping[str, bool] | None:
    """Return whose servers must be still for a moment of all these volumes, and which must be paused.

    None where one of them is used by somebody who cannot be.
    """
    rows = Attachment.objects.filter(volume__in=volumes).exclude(mode="ro")
    users = {str(row.instance_id) for row in rows}
    found = quiescing.pausable(users)
    is_ours = all(row.by_server and row.status == AttachmentStatus.ATTACHED for row in rows)
    return found if is_ours and found.keys() == users else None


def at_one_moment(pools: Sequence[Pool]) -> bool:
    """Tell whether volumes of these pools are snapshotted at one moment: one back end of one host can."""
    places = {(pool.host, pool.backend) for pool in pools}
    return len(places) == 1 and all("snapshots_together" in one.capabilities for one in pools)
