"""Snapshots that others took of our volumes become ours, and ours are left to others."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume import quota
from volume.exceptions import InvalidSnapshot, InvalidVolume, InvalidVolumeInput
from volume.items import check_items
from volume.manager.lookup import VolumeLookups
from volume.manager.manageable import MANAGE_SNAPSHOTS, found_in
from volume.manager.managing import source_name
from volume.manager.snapshot_metadata import SnapshotMetadata
from volume.models import Pool, Snapshot, Volume
from volume.operations import ManageSnapshot, UnmanageSnapshot
from volume.resolution import volume_ref
from volume.states import DELETABLE_SNAPSHOTS, SnapshotStatus


class SnapshotManaging(SnapshotMetadata, VolumeLookups):
    """For operators."""

    @policy("volume:snapshots:manage")
    def manage(
        self,
        volume_id: str,
        reference: Mapping[str, str],
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Snapshot:
        """Let a snapshot that its back end knows by a reference be one of a volume.

        Raises VolumeNotFound, InvalidVolume, InvalidVolumeInput, QuotaExceeded, HostDidNotAnswer.
        """
        check_items(metadata or {})
        theirs = source_name(reference)
        self._check_there(self.get(volume_id), theirs)
        with self._held(volume_id, "snapshot") as volume:
            quota.reserve(
                volume.project_id, of=volume.volume_type, snapshots=1, gigabytes=volume.size
            )
            row = Snapshot.objects.create(
                volume=volume,
                project_id=volume.project_id,
                user_id=self.context.user_id or "",
                name=name,
                description=description,
                size=volume.size,
                metadata=dict(metadata or {}),
            )
            ManageSnapshot.start(self.context, resource_id=str(row.id), args={"name": theirs})
        return row

    def _check_there(self, volume: Volume, name: str) -> None:
        """Ask the volume's host; raise InvalidVolumeInput for what it does not find."""
        if volume.pool is None:
            raise InvalidVolume(f"Volume {volume.id} is in no pool.")
        key = volume_ref(volume).id
        found = found_in(volume.pool, snapshots=True, name=name, volume_id=key)
        if not found:
            raise InvalidVolumeInput(f"Volume {volume.id} has no snapshot called {name[:255]}.")

    @policy("volume:snapshots:unmanage")
    def unmanage(self, snapshot_id: str) -> None:
        """Leave a snapshot to others: its row goes, its volume keeps it. Raises InvalidSnapshot."""
        volume_id = self.find(snapshot_id).volume_id
        with self._held(volume_id, "unmanage_snapshot") as volume:
            row = self._locked_snapshot(snapshot_id)
            if row.status not in DELETABLE_SNAPSHOTS or row.group_snapshot_id is not None:
                raise InvalidSnapshot(
                    f"Snapshot {row.id} status must be available or error, and it must be in no group "
                    f"snapshot, to be unmanaged; it is {row.status}."
                )
            able = Pool.objects.filter(volumes=volume, capabilities__lists=MANAGE_SNAPSHOTS)
            if not able.exists():
                raise InvalidVolume(f"The back end of volume {volume.id} lets go of no snapshots.")
            self._write_snapshot(row, status=SnapshotStatus.UNMANAGING)
            try:
                UnmanageSnapshot.start(self.context, resource_id=str(row.id))
            except ResourceBusy as error:
                raise InvalidSnapshot(error.message) from error
