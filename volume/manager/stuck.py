"""Attachments that hang, and what operators do about them: cut off and let go, whoever has them."""

from __future__ import annotations

from django.db import transaction

from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume import attaching, states
from volume.exceptions import AttachmentNotFound, InvalidVolume
from volume.manager.attachment import Identifier
from volume.manager.classic import ClassicAttachments
from volume.models import Attachment, Volume
from volume.operations import UnexportVolume
from volume.states import AttachmentStatus


class StuckAttachments(ClassicAttachments):
    """What operators do where neither a server nor a client ends an attachment."""

    @policy("volume:volumes:force_detach")
    def force_detach(self, volume_id: Identifier, attachment_id: Identifier | None = None) -> None:
        """Start cutting an attachment off, a server's too, and let the volume go.

        Which one must be said where there are several. The volume's host sees to it that nobody writes
        through it any more; one that is down owes that. A volume that has none is what it is without.
        """
        with transaction.atomic():
            volume = self._locked(volume_id)
            rows = [*Attachment.objects.filter(volume=volume)]
            if attachment_id is not None:
                rows = [row for row in rows if str(row.id) == str(attachment_id)]
                if not rows:
                    raise AttachmentNotFound(attachment_id)
            if len(rows) > 1:
                raise InvalidVolume(f"Volume {volume.id} has several attachments: name one.")
            for row in rows:
                self._cut_off(row)
            if not rows and volume.status in states.BY_ATTACHMENT:
                attaching.settle(volume)

    def _cut_off(self, row: Attachment) -> None:
        attaching.change(row, status=AttachmentStatus.DETACHING)
        args = {"attachment_id": str(row.id)}
        try:
            # what exports it, or cuts it off and hangs, makes way
            UnexportVolume.start(
                self.context, resource_id=str(row.volume_id), args=args, preempt=not row.by_server
            )
        except ResourceBusy as error:
            raise InvalidVolume(error.message) from error

    @policy("volume:volumes:migrate_completion")
    def complete_migration(
        self, volume_id: Identifier, new_volume_id: Identifier, *, failed: bool = False
    ) -> str:
        """Let whoever swapped a volume by himself have the new one; return the id of the one to keep.

        ``failed``: he kept the old one. This cloud's own hosts complete what they migrate themselves.
        """
        with transaction.atomic():
            old, new = self._locked(volume_id), self._locked(new_volume_id)
            for volume in (old, new):
                _check_settled(volume)
            rows = Attachment.objects.filter(volume=old).select_related("volume")
            for row in list(rows):
                self._own(row.id)
                if failed:
                    attaching.change(row, status=AttachmentStatus.ATTACHED)
                    continue
                self.attach(
                    new.id,
                    instance_id=str(row.instance_id) if row.instance_id else None,
                    host=row.host or None,
                    device=row.device,
                )
                self.disconnect(row.id)
        return str(old.id if failed else new.id)


def _check_settled(volume: Volume) -> None:
    if volume.migration_status not in states.SETTLED:
        raise InvalidVolume(
            f"volume '{volume.id}' is being migrated ({volume.migration_status}): its hosts complete it"
        )
