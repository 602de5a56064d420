"""Orders to the hosts of volumes about attachments and snapshots, each a scope of its own."""

from __future__ import annotations

from typing import cast

from cloudweb.rpc import Order
from volume.models import Attachment, Snapshot, Volume
from volume.objects import ExportRequest, Mode, UnexportRequest, UnlockRequest
from volume.resolution import host_of, passphrase_of, snapshot_ref, volume_ref
from volume.rpc import DELETE_SNAPSHOT, EXPORT, SNAPSHOT, UNEXPORT, UNLOCK


def export_order(attachment: Attachment, volume: Volume, *, address: str = "") -> Order:
    """Let the attachment's host use the volume; ``address`` is where that connects from."""
    request = ExportRequest(
        volume=volume_ref(volume),
        attachment_id=str(attachment.id),
        epoch=attachment.epoch,
        to_host=attachment.host,
        to_address=address,
        mode=cast("Mode", attachment.mode),
        shared=not attachment.exclusive,
        passphrase=passphrase_of(volume),
    )
    return EXPORT.order(host=host_of(volume), resource_id=str(attachment.id), payload=request)


def unexport_order(attachment: Attachment, volume: Volume) -> Order | None:
    """Cut an attachment off; None where nothing was ever exported through it."""
    if not attachment.epoch or volume.pool is None:
        return None
    request = UnexportRequest(
        volume=volume_ref(volume),
        attachment_id=str(attachment.id),
        epoch=attachment.epoch,
        to_host=attachment.host,
    )
    return UNEXPORT.order(host=host_of(volume), resource_id=str(attachment.id), payload=request)


def unlock_order(volume: Volume) -> Order:
    """Tell a host again what opens a volume; a scope of its own, whatever else is done to that."""
    request = UnlockRequest(volume=volume_ref(volume), passphrase=passphrase_of(volume))
    return UNLOCK.order(host=host_of(volume), resource_id=f"{volume.id}.key", payload=request)


def snapshot_order(snapshot: Snapshot, volume: Volume) -> Order:
    """Have a snapshot taken."""
    return SNAPSHOT.order(
        host=host_of(volume), resource_id=str(snapshot.id), payload=snapshot_ref(snapshot, volume)
    )


def delete_snapshot_order(snapshot: Snapshot, volume: Volume) -> Order:
    """Have a snapshot taken away."""
    return DELETE_SNAPSHOT.order(
        host=host_of(volume), resource_id=str(snapshot.id), payload=snapshot_ref(snapshot, volume)
    )
