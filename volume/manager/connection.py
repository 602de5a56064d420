"""Connections in the older way: one call has a volume exported and says how it is reached, another cuts it off."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume import attaching
from volume.connectors import OPENED, connection_info
from volume.exceptions import ConnectionFailed, InvalidVolume
from volume.manager.attachment import AttachmentManager, Identifier
from volume.models import Attachment, Pool, Volume
from volume.operations import UnexportVolume
from volume.states import AttachmentStatus

#: How long a call waits for the volume's host, and how often it looks (seconds).
PATIENCE, LOOK = 30.0, 0.05
_LIVE = (AttachmentStatus.ATTACHING, AttachmentStatus.ATTACHED)


class ConnectionManager(AttachmentManager):
    """For services that connect by themselves; only of volumes that a connector opens."""

    #: What a call does between two looks; tests let the hosts work meanwhile.
    pause: Callable[[float], object] = staticmethod(time.sleep)

    @policy("volume:connections:create")
    def initialize(self, volume_id: Identifier, connector: Mapping[str, Any]) -> dict[str, Any]:
        """Have a volume exported to a connector's host and return how it is reached there.

        What was reserved becomes that; again, for the same host, it is the same. Raises InvalidVolume,
        InvalidInput, ConnectionFailed (503) where the volume's host does not answer in time.
        """
        with transaction.atomic():
            volume = self._locked(volume_id)
            _check_opened(volume)
            row = self._row_for(volume, str(connector.get("host", "")))
            if row is None:
                # a service need be no member of the project whose volume it sees
                system = AttachmentManager(RequestContext.system())
                row = system.reserve(volume.id, None, by_server=False)
            if row.status not in _LIVE:
                self._connect(row, connector)
        return connection_info(self._awaited(row))

    def _row_for(self, volume: Volume, host: str) -> Attachment | None:
        """Return what the host has already, else what is reserved for whoever comes."""
        rows = Attachment.objects.filter(volume=volume, by_server=False).select_related("volume")
        found = rows.filter(host=host, status__in=_LIVE).first() if host else None
        return found or rows.filter(status=AttachmentStatus.RESERVED).order_by("created_at").first()

    def _awaited(self, row: Attachment) -> Any:
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            found = self._attachments().filter(id=row.id).select_related("volume").first()
            if found is None or found.status not in _LIVE:
                break
            connection = attaching.connection_of(found)
            if connection is not None:
                return connection
            self.pause(LOOK)
        raise ConnectionFailed(row.volume_id)

    @policy("volume:connections:delete")
    def terminate(self, volume_id: Identifier, connector: Mapping[str, Any]) -> None:
        """Start cutting a connector's host off; the volume is let go by ``detach``, or ``unreserve``.

        A host that has it not is no error.
        """
        with transaction.atomic():
            volume = self._locked(volume_id)
            rows = Attachment.objects.filter(volume=volume, by_server=False).exclude(host="")
            if connector.get("host"):
                rows = rows.filter(host=str(connector["host"]))
            found = list(rows.select_related("volume"))
            if len(found) > 1:
                raise InvalidVolume(f"Volume {volume.id} has several connections: name the host.")
            if found:
                self._cut_off(found[0])

    def _cut_off(self, row: Attachment) -> None:
        exporting = row.status == AttachmentStatus.ATTACHING
        attaching.change(row, status=AttachmentStatus.DETACHING)
        args = {"attachment_id": str(row.id), "keep": True}
        try:
            UnexportVolume.start(
                self.context, resource_id=str(row.volume_id), args=args, preempt=exporting
            )
        except ResourceBusy as error:
            raise InvalidVolume(error.message) from error


def _check_opened(volume: Volume) -> None:
    pool = None if volume.pool_id is None else Pool.objects.filter(id=volume.pool_id).first()
    if pool is None or pool.protocol not in OPENED:
        raise InvalidVolume(
            f"Volume {volume.id} is served to this cloud's own hosts alone, in a way that no connector "
            "opens: attach it to a server."
        )
    if volume.encrypted:
        raise InvalidVolume(f"Volume {volume.id} is encrypted: only servers of this cloud open it.")
