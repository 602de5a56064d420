"""Volumes of a guest that goes to another host while it runs: both hosts reach them until it is there.

An attachment gets a twin for the other host. Who of the two goes in the end is cut off as any attachment;
the other is the server's, alone again.
"""

from __future__ import annotations

from contextlib import suppress

from django.db import transaction

from cloudweb.policy import policy
from cloudweb.rpc import Order
from volume import attaching, orders
from volume.exceptions import AttachmentNotFound, InvalidVolume
from volume.manager.attachment import AttachmentManager, Identifier
from volume.models import Attachment
from volume.states import AttachmentStatus


class TwinManager(AttachmentManager):
    """What live migrations do about attachments, besides what AttachmentManager has."""

    @policy("volume:attachments:create")
    def begin(self, attachment_id: Identifier) -> Attachment:
        """Make the twin of a server's attachment, which others may stand beside from now on.

        Raises AttachmentNotFound, and InvalidVolume (400) for one that is reached through another host.
        """
        with transaction.atomic():
            row = self.find(attachment_id)
            if row.relay:
                raise InvalidVolume(
                    f"Volume {row.volume_id} was moved while the server had it: stop and start the "
                    "server before it goes to another host."
                )
            Attachment.objects.filter(id=row.id).update(exclusive=False)
            return Attachment.objects.create(
                volume=row.volume,
                project_id=row.project_id,
                mode=row.mode,
                device=row.device,
                exclusive=False,
                by_server=True,
            )

    @policy("volume:attachments:update")
    def share_order(self, attachment_id: Identifier) -> Order:
        """Return the order that lets others stand beside an attachment that is in use."""
        row = self.find(attachment_id)
        return orders.export_order(row, row.volume)

    @policy("volume:attachments:update")
    def stay_alone(self, attachment_id: Identifier, other_id: Identifier) -> None:
        """Let the server have this one alone; the other, which was cut off, is forgotten. Once is enough."""
        with transaction.atomic(), suppress(AttachmentNotFound):
            other = self._attachments().filter(id=other_id).first()
            server = other.instance_id if other is not None else None
            self.delete(other_id)
            row = self.find(attachment_id)
            Attachment.objects.filter(id=row.id).update(
                exclusive=not row.volume.multiattach, instance_id=row.instance_id or server
            )
            if row.status == AttachmentStatus.ATTACHING:
                attaching.complete(row, row.device)
