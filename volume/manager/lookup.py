"""One volume, and the guard before everything that is done to one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction

from cloudweb.database.locks import locked
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from operations.history import Entry, operations_of
from volume import states
from volume.exceptions import InvalidVolume, VolumeNotFound
from volume.models import Volume
from volume.querysets import VolumeQuerySet


class VolumeLookups(Manager):
    """What the caller can see of volumes it names."""

    def _rows(self) -> VolumeQuerySet:
        return Volume.objects.visible_to(self.context)

    @policy("volume:volumes:get")
    def get(self, volume_id: str | uuid.UUID) -> Volume:
        """Return a volume with all that is shown of it; raise VolumeNotFound."""
        key = as_uuid(str(volume_id))
        found = self._rows().complete().filter(id=key).first() if key else None
        if found is None:
            raise VolumeNotFound(volume_id)
        return found

    @policy("volume:volumes:get")
    def history(self, volume_id: str | uuid.UUID) -> Sequence[Entry]:
        """Return what was done with a volume, newest first; raise VolumeNotFound."""
        return operations_of("volume", str(self.get(volume_id).id))

    def _locked(self, volume_id: str | uuid.UUID) -> Volume:
        """Return the row, locked until the end of the transaction."""
        key = as_uuid(str(volume_id))
        found = locked(self._rows().filter(id=key)).first() if key else None
        if found is None:
            raise VolumeNotFound(volume_id)
        return found

    @contextmanager
    def _held(self, volume_id: str | uuid.UUID, action: str) -> Iterator[Volume]:
        """Lock the row in a transaction for an action that its status allows; else InvalidVolume."""
        with transaction.atomic():
            volume = self._locked(volume_id)
            check_status(volume, action)
            yield volume


def check_status(volume: Volume, action: str) -> None:
    """Raise InvalidVolume where the volume's status does not allow an action."""
    allowed = states.ACTIONS[action].starts_in
    moves = volume.migration_status not in states.SETTLED
    if moves and action not in states.WHILE_MIGRATING:
        raise InvalidVolume(f"Volume {volume.id} is being migrated ({volume.migration_status}).")
    if volume.status not in allowed:
        raise InvalidVolume(
            f"Volume {volume.id} status must be {states.listed(allowed)} to {states.spoken(action)}, "
            f"but it is {states.shown(volume.status)}."
        )
