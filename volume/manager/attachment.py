"""Attachments: volumes in servers, from the wish to have one to the last byte that is written through it.

What servers' operations do, in this order: ``reserve`` (in the manager's transaction), ``export_order``
and ``exported`` (the volume's host), ``connection`` (what the guest's host is told), ``complete``; and
``begin_detaching``, ``unexport_order``, ``delete``. After the answer to an UNEXPORT nobody writes
through the attachment, wherever its guest is, so a detach always comes true.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Literal

import orjson
from django.db import IntegrityError, transaction

from cloudweb import policy as policies
from cloudweb.database.clock import now
from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.policy import policy
from cloudweb.rpc import Order
from operations import epoch
from volume import orders, states
from volume.exceptions import (
    AttachmentNotFound,
    InvalidAttachmentMode,
    InvalidVolume,
)
from volume.manager.lookup import VolumeLookups
from volume.models import Attachment, Volume
from volume.objects import VolumeConnection
from volume.querysets import AttachmentQuerySet
from volume.states import AttachmentStatus, VolumeStatus

Identifier = str | uuid.UUID
#: What a volume is while its attachments decide it, the strongest first.
_BY_ATTACHMENT = (
    (AttachmentStatus.ATTACHED, VolumeStatus.IN_USE),
    (AttachmentStatus.ERROR_DETACHING, VolumeStatus.IN_USE),
    (AttachmentStatus.DETACHING, VolumeStatus.DETACHING),
    (AttachmentStatus.ATTACHING, VolumeStatus.ATTACHING),
    (AttachmentStatus.ERROR_ATTACHING, VolumeStatus.ATTACHING),
    (AttachmentStatus.RESERVED, VolumeStatus.RESERVED),
)


class AttachmentManager(VolumeLookups):
    """The attachments of the caller's project's volumes.

    All raise AttachmentNotFound; InvalidVolume (400) where the volume's status does not allow it.
    """

    def _attachments(self) -> AttachmentQuerySet:
        return Attachment.objects.visible_to(self.context)

    @policy("volume:attachments:get")
    def find(self, attachment_id: Identifier) -> Attachment:
        """Return an attachment with its volume; raise AttachmentNotFound."""
        key = as_uuid(str(attachment_id))
        rows = self._attachments().select_related("volume__pool")
        found = rows.filter(id=key).first() if key else None
        if found is None:
            raise AttachmentNotFound(attachment_id)
        return found

    @policy("volume:attachments:list")
    def pages(
        self, listing: Listing = EVERYTHING, *, all_projects: bool = False
    ) -> Page[Attachment]:
        """Return a page of attachments; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = self._attachments().filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        if all_projects:
            policies.check(self.context, "volume:volumes:list_all_projects")
            rows = Attachment.objects.all()
        else:
            rows = Attachment.objects.filter(project_id=self.context.project_id or "")
        return page_of(rows, listing, last=last)

    @policy("volume:attachments:list")
    def of_instances(self, instance_ids: Sequence[Identifier]) -> Sequence[Attachment]:
        """Return the attachments of servers with their volumes, oldest first, by one statement."""
        rows = self._attachments().filter(instance_id__in=list(instance_ids))
        return list(rows.select_related("volume__pool").order_by("created_at", "id"))

    @policy("volume:attachments:create")
    def reserve(
        self,
        volume_id: Identifier,
        instance_id: Identifier | None,
        mode: Literal["rw", "ro"] | None = None,
        *,
        by_server: bool = True,
    ) -> Attachment:
        """Hold a volume for a server, so that nobody else gets it; join in where it may have several.

        Without a mode it is what the volume allows. ``by_server``: the server's operations, not a
        client, end it.
        """
        with transaction.atomic():
            volume = self._locked(volume_id)
            self._check_free(volume, instance_id)
            if volume.read_only and mode == "rw":
                raise InvalidAttachmentMode(volume.id)
            try:
                with transaction.atomic():
                    row = Attachment.objects.create(
                        volume=volume,
                        project_id=volume.project_id,
                        instance_id=instance_id,
                        mode=mode or ("ro" if volume.read_only else "rw"),
                        exclusive=not volume.multiattach,
                        by_server=by_server,
                    )
            except IntegrityError as error:  # whatever a status says, the database lets one in
                raise InvalidVolume(f"Volume {volume.id} is attached already.") from error
            self._settle(volume)
        return row

    def _check_free(self, volume: Volume, instance_id: Identifier | None) -> None:
        joins = (VolumeStatus.AVAILABLE, VolumeStatus.RESERVED, VolumeStatus.ATTACHING,
                 VolumeStatus.IN_USE, VolumeStatus.DETACHING)  # fmt: skip
        allowed = joins if volume.multiattach else (VolumeStatus.AVAILABLE,)
        if volume.status not in allowed:
            raise InvalidVolume(
                f"volume '{volume.id}' status must be 'available'. "
                f"Currently in '{states.shown(volume.status)}'"
            )
        if instance_id is None:
            return
        if Attachment.objects.filter(volume=volume, instance_id=instance_id).exists():
            raise InvalidVolume(f"volume {volume.id} is already attached to server {instance_id}")

    @policy("volume:attachments:update")
    def export_order(self, attachment_id: Identifier, host: str, *, address: str = "") -> Order:
        """Return the order that lets a host use the volume; ``address``: from where it connects.

        Safe to repeat for the same host; for another one, or after a revocation, it is a new epoch,
        before which the old one is void. Call inside ``atomic()``.
        """
        row = self.find(attachment_id)
        fresh = not row.epoch or row.host != host or row.status == AttachmentStatus.DETACHING
        values: dict[str, Any] = {"status": AttachmentStatus.ATTACHING, "host": host}
        if fresh:
            values |= {"epoch": epoch.draw(), "connection": ""}
        if row.status == AttachmentStatus.ATTACHED and not fresh:
            values.pop("status")  # a guest that comes back to what it has
        self._change(row, **values)
        return orders.export_order(row, row.volume, address=address)

    @policy("volume:attachments:update")
    def exported(self, attachment_id: Identifier, answer: VolumeConnection) -> None:
        """Keep how the host of the guest reaches the volume, unless a later export is under way."""
        row = self.find(attachment_id)
        if answer.epoch == row.epoch:
            self._change(row, connection=encrypt(orjson.dumps(answer.dump()).decode()))

    @policy("volume:attachments:update")
    def connection(self, attachment_id: Identifier) -> VolumeConnection | None:
        """Return how the host of the guest reaches the volume; None before it was exported."""
        row = self.find(attachment_id)
        if not row.connection:
            return None
        return VolumeConnection.load(orjson.loads(decrypt(row.connection)))

    @policy("volume:attachments:update")
    def complete(self, attachment_id: Identifier, device: str = "") -> Attachment:
        """Note that a guest has the volume, as this device."""
        row = self.find(attachment_id)
        values = {"status": AttachmentStatus.ATTACHED, "attached_at": row.attached_at or now()}
        return self._change(row, **values, **({"device": device} if device else {}))

    @policy("volume:attachments:update")
    def begin_detaching(self, attachment_id: Identifier) -> Attachment:
        """Note that the volume is on its way out."""
        row = self.find(attachment_id)
        allowed = (
            *states.ACTIONS["detach"].starts_in,
            VolumeStatus.RESERVED,
            VolumeStatus.ATTACHING,
        )
        if row.volume.status not in allowed:
            raise InvalidVolume(
                f"Volume {row.volume_id} status must be {states.listed(frozenset(allowed))} "
                f"to detach, but it is {states.shown(row.volume.status)}."
            )
        return self._change(row, status=AttachmentStatus.DETACHING)

    @policy("volume:attachments:update")
    def roll_detaching(self, attachment_id: Identifier) -> Attachment:
        """Note that it stays where it is: its guest does not let go."""
        return self._change(self.find(attachment_id), status=AttachmentStatus.ATTACHED)

    @policy("volume:attachments:update")
    def unexport_order(self, attachment_id: Identifier) -> Order | None:
        """Return the order that cuts the attachment off; None where nothing was ever exported.

        A later export of it has a higher epoch, which this order leaves alone. Call inside ``atomic()``.
        """
        row = self.find(attachment_id)
        if row.status != AttachmentStatus.DETACHING:
            self._change(row, status=AttachmentStatus.DETACHING)
        return orders.unexport_order(row, row.volume)

    @policy("volume:attachments:delete")
    def delete(self, attachment_id: Identifier) -> None:
        """Let the volume go; nothing happens where it went already. Cut it off before."""
        key = as_uuid(str(attachment_id))
        row = self._attachments().select_related("volume").filter(id=key).first() if key else None
        if row is not None:
            with transaction.atomic():
                volume = self._locked(row.volume_id)
                Attachment.objects.filter(id=row.id).delete()
                self._settle(volume)

    def _change(self, row: Attachment, **values: Any) -> Attachment:
        """Write a row and what follows for its volume; the object at hand, too."""
        with transaction.atomic():
            volume = self._locked(row.volume_id)
            Attachment.objects.filter(id=row.id).update(**values)
            if "status" in values:
                self._settle(volume)
        for name, value in values.items():
            setattr(row, name, value)
        row.volume.status = volume.status
        return row

    def _settle(self, volume: Volume) -> None:
        """Let a volume that is not busy otherwise be what its attachments make of it."""
        found = {*Attachment.objects.filter(volume=volume).values_list("status", flat=True)}
        rests = next((is_ for status, is_ in _BY_ATTACHMENT if status in found), None)
        status = rests or VolumeStatus.AVAILABLE
        column = "status" if volume.status in states.BY_ATTACHMENT else "previous_status"
        if getattr(volume, column) != status:
            Volume.objects.filter(id=volume.id).update(**{column: status}, updated_at=now())
            setattr(volume, column, status)
