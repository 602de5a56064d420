"""Volumes that take another's place in a server while it runs."""

from __future__ import annotations

from contextlib import suppress

from cloudweb.policy import policy
from volume import states
from volume.exceptions import AttachmentNotFound, InvalidVolume
from volume.manager.attachment import AttachmentManager, Identifier
from volume.models import Attachment, Volume


class SwapManager(AttachmentManager):
    """What servers' operations do about the attachments of both, besides what AttachmentManager has."""

    @policy("volume:attachments:create")
    def begin(self, attachment_id: Identifier, volume_id: Identifier) -> Attachment:
        """Hold a volume for the server that has another one attached, which is on its way out.

        Call inside ``atomic()``. Raises VolumeNotFound, InvalidVolume (400) for what cannot take its place.
        """
        before = self.find(attachment_id)
        old, new = before.volume, self.get(volume_id)
        if before.mode != "rw" or new.read_only:
            raise InvalidVolume("A volume that is read-only cannot be swapped.")
        if new.size < old.size:
            raise InvalidVolume(
                f"Volume {new.id} must have at least {old.size} GiB to take its place."
            )
        if old.migration_status not in states.SETTLED:
            raise InvalidVolume(f"volume '{old.id}' is being migrated ({old.migration_status})")
        if Attachment.objects.filter(volume=old).exclude(id=before.id).exists():
            raise InvalidVolume(
                f"Volume {old.id} is in several servers: it cannot be swapped in one."
            )
        held = self.reserve(new.id, before.instance_id)
        self.begin_detaching(before.id)
        return held

    @policy("volume:attachments:update")
    def take_over(self, before_id: Identifier, attachment_id: Identifier, device: str) -> Volume:
        """Note that the guest has the new one, which holds what the old one did; return it.

        What was known of the image that the old one was made from is known of it, and whether it boots.
        """
        row = self.complete(attachment_id, device)
        with suppress(AttachmentNotFound):  # an operator took it away meanwhile
            old = self.find(before_id).volume
            Volume.objects.filter(id=row.volume_id).update(
                bootable=old.bootable, image_id=old.image_id, image_metadata=old.image_metadata
            )
        return row.volume
