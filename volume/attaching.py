"""What happens to the rows of attachments and their volumes; who may is the manager's part.

Each call is a transaction, or part of the caller's. The volume's row is locked first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.encryption import decrypt, encrypt
from cloudweb.rpc import Order
from operations import epoch
from volume import orders, relaying, states
from volume.models import Attachment, Volume
from volume.objects import VolumeConnection
from volume.states import AttachmentStatus, VolumeStatus

#: What a volume is while its attachments decide it, the strongest first.
_BY_ATTACHMENT = (
    (AttachmentStatus.ATTACHED, VolumeStatus.IN_USE),
    (AttachmentStatus.ERROR_DETACHING, VolumeStatus.IN_USE),
    (AttachmentStatus.DETACHING, VolumeStatus.DETACHING),
    (AttachmentStatus.ATTACHING, VolumeStatus.ATTACHING),
    (AttachmentStatus.ERROR_ATTACHING, VolumeStatus.ATTACHING),
    (AttachmentStatus.RESERVED, VolumeStatus.RESERVED),
)


def export(row: Attachment, host: str, *, address: str = "") -> Order:
    """Return the order that lets a host use the volume; see ``AttachmentManager.export_order``."""
    fresh = not row.epoch or row.host != host or row.status == AttachmentStatus.DETACHING
    if (
        row.relay
    ):  # the volume was moved while the guest had it: from now on it is reached where it is
        fresh = True
        relaying.end(row)
    values: dict[str, Any] = {"host": host}
    if row.status != AttachmentStatus.ATTACHED or fresh:  # else a guest comes back to what it has
        values["status"] = AttachmentStatus.ATTACHING
    if fresh:
        values |= {"epoch": epoch.draw(), "connection": ""}
    change(row, **values)
    return orders.export_order(row, row.volume, address=address)


def exported(row: Attachment, answer: VolumeConnection | Mapping[str, Any]) -> None:
    """Keep how the host of the guest reaches the volume, unless a later export is under way."""
    found = answer if isinstance(answer, VolumeConnection) else VolumeConnection.load({**answer})
    if found.epoch == row.epoch:
        change(row, connection=encrypt(orjson.dumps(found.dump()).decode()))


def connection_of(row: Attachment) -> VolumeConnection | None:
    """Return how the host of the guest reaches the volume; None before it was exported."""
    if not row.connection:
        return None
    found = VolumeConnection.load(orjson.loads(decrypt(row.connection)))
    # a guest knows its volume by the id that it always had, whatever it is called where it lies
    return found.model_copy(update={"volume_id": str(row.volume_id)})


def complete(row: Attachment, device: str) -> None:
    """Note that a guest has the volume, as this device."""
    values: dict[str, Any] = {"device": device} if device else {}
    change(row, status=AttachmentStatus.ATTACHED, attached_at=row.attached_at or now(), **values)


def unexport(row: Attachment) -> Order | None:
    """Return the order that cuts the attachment off; None where nothing was ever exported."""
    if row.status != AttachmentStatus.DETACHING:
        change(row, status=AttachmentStatus.DETACHING)
    return orders.unexport_order(row, row.volume)


def change(row: Attachment, **values: Any) -> None:
    """Write a row and what follows for its volume; the object at hand, too."""
    with transaction.atomic():
        volume = _locked_volume(row)
        if values.get("status", row.status) != row.status:
            values["changed_at"] = now()
        Attachment.objects.filter(id=row.id).update(**values)
        if "status" in values:
            settle(volume)
    for name, value in values.items():
        setattr(row, name, value)
    row.volume.status = volume.status


def remove(row: Attachment) -> None:
    """Let the volume go; nothing happens where it went already."""
    with transaction.atomic():
        volume = _locked_volume(row)
        relaying.end(row)
        Attachment.objects.filter(id=row.id).delete()
        settle(volume)


def settle(volume: Volume) -> None:
    """Let a volume that is not busy otherwise be what its attachments make of it."""
    found = {*Attachment.objects.filter(volume=volume).values_list("status", flat=True)}
    rests = next((is_ for status, is_ in _BY_ATTACHMENT if status in found), None)
    status = rests or VolumeStatus.AVAILABLE
    column = "status" if volume.status in states.BY_ATTACHMENT else "previous_status"
    if getattr(volume, column) != status:
        Volume.objects.filter(id=volume.id).update(**{column: status}, updated_at=now())
        setattr(volume, column, status)


def _locked_volume(row: Attachment) -> Volume:
    return locked(Volume.objects.filter(id=row.volume_id)).get()
