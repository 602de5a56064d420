"""The older way of attaching, by actions on the volume: each finds its attachment, or makes it."""

from __future__ import annotations

from typing import Literal

from django.db import transaction

from cloudweb.policy import policy
from volume import attaching
from volume.exceptions import InvalidVolume
from volume.manager.attachment import AttachmentManager, Identifier
from volume.models import Attachment, Volume
from volume.querysets import AttachmentQuerySet
from volume.states import AttachmentStatus


class ClassicAttachments(AttachmentManager):
    """What clients say about attachments that they keep book of themselves."""

    @policy("volume:attachments:create")
    def hold(self, volume_id: Identifier) -> None:
        """Reserve a volume for somebody who is not named yet."""
        self.reserve(volume_id, None, by_server=False)

    @policy("volume:attachments:delete")
    def let_go(self, volume_id: Identifier) -> None:
        """Give up what was reserved and not used."""
        with transaction.atomic():
            volume = self._locked(volume_id)
            rows = self._mine(volume).filter(status=AttachmentStatus.RESERVED)
            row = rows.select_related("volume").first()
            if row is None:
                raise InvalidVolume(f"Volume {volume.id} status must be reserved to unreserve.")
            attaching.remove(row)

    @policy("volume:attachments:update")
    def attach(
        self,
        volume_id: Identifier,
        *,
        instance_id: str | None,
        host: str | None,
        device: str,
        mode: Literal["rw", "ro"] | None = None,
    ) -> None:
        """Note that a server or a host has the volume; what was reserved, or connected, becomes that."""
        with transaction.atomic():
            volume = self._locked(volume_id)
            coming = (AttachmentStatus.RESERVED, AttachmentStatus.ATTACHING)
            held = self._mine(volume).filter(status__in=coming)
            row = held.select_related("volume").order_by("created_at", "id").first()
            if row is None:
                row = self.reserve(volume_id, instance_id, mode, by_server=False)
            attaching.change(
                row,
                instance_id=instance_id,
                host=host or row.host,
                mode=mode or row.mode,
            )
            attaching.complete(row, device)

    @policy("volume:attachments:delete")
    def detach(self, volume_id: Identifier, attachment_id: str | None = None) -> None:
        """Cut off and let go; which one must be said where there are several."""
        with transaction.atomic():
            volume = self._locked(volume_id)
            rows = [*Attachment.objects.filter(volume=volume)]
            if attachment_id is not None:
                rows = [row for row in rows if str(row.id) == attachment_id]
            if len(rows) != 1:
                words = "has several attachments: name one" if rows else "is not attached so"
                raise InvalidVolume(f"Volume {volume.id} {words}.")
            self.disconnect(rows[0].id)

    @policy("volume:attachments:update")
    def begin(self, volume_id: Identifier) -> None:
        """Note that the volume is about to be taken out."""
        with self._held(volume_id, "begin_detaching") as volume:
            for row in self._mine(volume).attached().select_related("volume"):
                attaching.change(row, status=AttachmentStatus.DETACHING)

    @policy("volume:attachments:update")
    def roll_back(self, volume_id: Identifier) -> None:
        """Note that it stays where it is."""
        with self._held(volume_id, "roll_detaching") as volume:
            rows = self._mine(volume).filter(status=AttachmentStatus.DETACHING)
            for row in rows.attached().select_related("volume"):
                attaching.change(row, status=AttachmentStatus.ATTACHED)

    def _mine(self, volume: Volume) -> AttachmentQuerySet:
        return Attachment.objects.filter(volume=volume, by_server=False)
