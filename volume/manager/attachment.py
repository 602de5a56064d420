"""Attachments: volumes in servers, from the wish to have one to the last byte that is written through it.

What servers' operations do, in this order: ``reserve`` (in the manager's transaction), ``export_order``
and ``exported`` (the volume's host), ``connection`` (what the guest's host is told), ``complete``; and
``begin_detaching``, ``unexport_order``, ``delete``. After the answer to an UNEXPORT nobody writes
through the attachment, wherever its guest is, so a detach always comes true.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from django.db import IntegrityError, transaction

from cloudweb import policy as policies
from cloudweb.addresses import canonical_address
from cloudweb.exceptions import InvalidInput, UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, narrowed
from cloudweb.policy import policy
from cloudweb.rpc import Order
from cloudweb.topics import HOST_NAME
from operations.holding import ResourceBusy
from volume import attaching, states
from volume.exceptions import (
    AttachmentNotFound,
    AttachmentOfServer,
    InvalidAttachmentMode,
    InvalidVolume,
)
from volume.manager.lookup import VolumeLookups
from volume.models import Attachment, QosSpec, Volume
from volume.models.qos_spec import QosConsumer
from volume.objects import VolumeConnection
from volume.operations import ExportVolume, UnexportVolume
from volume.pages import page_from
from volume.querysets import AttachmentQuerySet
from volume.states import AttachmentStatus, VolumeStatus
from volume.throttle import throttle_of

Identifier = str | uuid.UUID


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
        self, listing: Listing = EVERYTHING, *, all_projects: bool = False, offset: int = 0
    ) -> Page[Attachment]:
        """Return a page of attachments; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = self._attachments().filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        rows = self._asked(all_projects=all_projects)
        return page_from(rows, listing, last=last, offset=offset)

    @policy("volume:attachments:list")
    def count(self, listing: Listing = EVERYTHING, *, all_projects: bool = False) -> int:
        """Return how many there are on all pages."""
        return narrowed(self._asked(all_projects=all_projects), listing).count()

    def _asked(self, *, all_projects: bool) -> AttachmentQuerySet:
        if all_projects:
            policies.check(self.context, "volume:volumes:list_all_projects")
            return Attachment.objects.all()
        return Attachment.objects.filter(project_id=self.context.project_id or "")

    @policy("volume:attachments:list")
    def of_instances(self, instance_ids: Sequence[Identifier]) -> Sequence[Attachment]:
        """Return the attachments of servers with their volumes, oldest first, by one statement.

        What a client wrote about a server, perhaps another's, is none of them.
        """
        rows = self._attachments().filter(instance_id__in=list(instance_ids), by_server=True)
        return list(rows.select_related("volume__pool").order_by("created_at", "id"))

    @policy("volume:attachments:list")
    def of_volume(self, volume_id: Identifier) -> Sequence[Attachment]:
        """Return the attachments of a volume, oldest first."""
        volume = self.get(volume_id)
        return sorted(volume.attachments.all(), key=lambda row: (row.created_at, row.id))

    # What servers' operations do

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
            attaching.settle(volume)
        return row

    def _check_free(self, volume: Volume, instance_id: Identifier | None) -> None:
        if volume.migration_status not in states.SETTLED:
            raise InvalidVolume(
                f"volume '{volume.id}' is being migrated ({volume.migration_status})"
            )
        allowed = states.BY_ATTACHMENT if volume.multiattach else {VolumeStatus.AVAILABLE}
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
        return attaching.export(self.find(attachment_id), host, address=address)

    @policy("volume:attachments:update")
    def exported(
        self, attachment_id: Identifier, answer: VolumeConnection | Mapping[str, Any]
    ) -> None:
        """Keep what EXPORT answered, as it came or read, unless a later export is under way."""
        attaching.exported(self.find(attachment_id), answer)

    @policy("volume:attachments:get")
    def connection(self, attachment_id: Identifier) -> VolumeConnection | None:
        """Return how the host of the guest reaches the volume; None before it was exported."""
        return attaching.connection_of(self.find(attachment_id))

    @policy("volume:attachments:get")
    def throttle(self, attachment_id: Identifier) -> Mapping[str, int]:
        """Return what the hypervisor holds a guest to, by the QoS spec of the volume's type now."""
        volume = self.find(attachment_id).volume
        spec = QosSpec.objects.filter(volume_types__volumes=volume.id).first()
        if spec is None or spec.consumer == QosConsumer.BACK_END:
            return {}
        return throttle_of(spec.specs, size=volume.size)

    @policy("volume:attachments:update")
    def complete(self, attachment_id: Identifier, device: str = "") -> Attachment:
        """Note that a guest has the volume, as this device."""
        row = self.find(attachment_id)
        attaching.complete(row, device)
        return row

    @policy("volume:attachments:update")
    def begin_detaching(self, attachment_id: Identifier) -> Attachment:
        """Note that the volume is on its way out."""
        row = self.find(attachment_id)
        started = {VolumeStatus.RESERVED, VolumeStatus.ATTACHING}
        allowed = frozenset({*states.ACTIONS["detach"].starts_in, *started})
        if row.volume.status not in allowed:
            raise InvalidVolume(
                f"Volume {row.volume_id} status must be {states.listed(allowed)} to detach, "
                f"but it is {states.shown(row.volume.status)}."
            )
        attaching.change(row, status=AttachmentStatus.DETACHING)
        return row

    @policy("volume:attachments:update")
    def roll_detaching(self, attachment_id: Identifier) -> Attachment:
        """Note that it stays where it is: its guest does not let go."""
        row = self.find(attachment_id)
        attaching.change(row, status=AttachmentStatus.ATTACHED)
        return row

    @policy("volume:attachments:update")
    def leave_host(self, attachment_id: Identifier) -> Attachment:
        """Note that it is its server's still, which is on no host; it was cut off there."""
        row = self.find(attachment_id)
        attaching.change(row, status=AttachmentStatus.ATTACHED, host="", connection="")
        return row

    @policy("volume:attachments:update")
    def unexport_order(self, attachment_id: Identifier) -> Order | None:
        """Return the order that cuts the attachment off; None where nothing was ever exported.

        A later export of it has a higher epoch, which this order leaves alone. Call inside ``atomic()``.
        """
        return attaching.unexport(self.find(attachment_id))

    @policy("volume:attachments:of_servers")
    def of_servers(self) -> Mapping[str, tuple[str, str]]:
        """Return the attachments that servers' operations made, each with its server's and volume's id."""
        rows = Attachment.objects.filter(by_server=True).exclude(instance_id=None)
        return {
            str(key): (str(server), str(volume))
            for key, server, volume in rows.values_list("id", "instance_id", "volume_id")
        }

    @policy("volume:attachments:delete")
    def delete(self, attachment_id: Identifier) -> None:
        """Let the volume go; nothing happens where it went already. Cut it off before."""
        key = as_uuid(str(attachment_id))
        row = self._attachments().filter(id=key).first() if key else None
        if row is not None:
            attaching.remove(row)

    # What clients do themselves, without a server

    @policy("volume:attachments:create")
    def create(
        self,
        volume_id: Identifier,
        *,
        instance_id: Identifier | None = None,
        connector: Mapping[str, Any] | None = None,
        mode: Literal["rw", "ro"] | None = None,
    ) -> Attachment:
        """Hold a volume, and have it exported to the connector's host if there is one."""
        with transaction.atomic():
            row = self.reserve(volume_id, instance_id, mode, by_server=False)
            if connector:
                self._connect(row, connector)
        return row

    @policy("volume:attachments:update")
    def update(self, attachment_id: Identifier, *, connector: Mapping[str, Any]) -> Attachment:
        """Have a held volume exported to the connector's host."""
        with transaction.atomic():
            row = self._own(attachment_id)
            self._connect(row, connector)
        return row

    @policy("volume:attachments:update")
    def finish(self, attachment_id: Identifier) -> None:
        """Note that whoever connected has the volume."""
        row = self._own(attachment_id)
        if row.status not in (AttachmentStatus.ATTACHING, AttachmentStatus.ATTACHED):
            raise InvalidVolume(
                f"Attachment {row.id} status must be attaching to complete it, but it is {row.status}."
            )
        attaching.complete(row, str(row.connector.get("mountpoint", ""))[:255])

    @policy("volume:attachments:delete")
    def disconnect(self, attachment_id: Identifier) -> Sequence[Attachment]:
        """Start cutting a client's own attachment off; return the others of its volume."""
        with transaction.atomic():
            row = self._own(attachment_id)
            # what is being cut off already is cut off once more, and let go
            preempts = row.status in (AttachmentStatus.ATTACHING, AttachmentStatus.DETACHING)
            attaching.change(row, status=AttachmentStatus.DETACHING)
            args = {"attachment_id": str(row.id)}
            try:
                UnexportVolume.start(
                    self.context, resource_id=str(row.volume_id), args=args, preempt=preempts
                )
            except ResourceBusy as error:
                raise InvalidVolume(error.message) from error
        return [one for one in self.of_volume(row.volume_id) if one.id != row.id]

    def _own(self, attachment_id: Identifier) -> Attachment:
        """Return an attachment that a client made; a server's is the server's."""
        row = self.find(attachment_id)
        if row.by_server:
            raise AttachmentOfServer(row.instance_id)
        return row

    def _connect(self, row: Attachment, connector: Mapping[str, Any]) -> None:
        host = connector.get("host")
        if not isinstance(host, str) or not HOST_NAME.fullmatch(host):
            raise InvalidInput(field="connector.host", value=host, reason="It must name a host.")
        attaching.change(
            row, connector=dict(connector), host=host, status=AttachmentStatus.ATTACHING
        )
        args = {"attachment_id": str(row.id), "host": host, "address": _address(connector)}
        try:
            ExportVolume.start(self.context, resource_id=str(row.volume_id), args=args)
        except ResourceBusy as error:
            raise InvalidVolume(error.message) from error


def _address(connector: Mapping[str, Any]) -> str:
    """Return where a connector connects from, empty where it does not say; raise InvalidInput."""
    said = connector.get("ip") or ""
    try:
        return canonical_address(said) if said else ""
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            field="connector.ip", value=said, reason="It must be an IP address."
        ) from error
