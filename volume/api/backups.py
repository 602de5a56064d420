"""Backups: what a volume held, kept apart from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.filters import entries, equal, identifier, number, time
from cloudweb.api.queries import parameters
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest
from cloudweb.microversions.volume import since
from volume.api.listing import LIKE, ListedViewSet, Lists, like
from volume.api.serializers import backups as wire
from volume.manager import BackupManager, BackupWish, VolumeRequest
from volume.models import Backup

BACKUPS = Lists(
    plural="backups",
    filters={
        "id": identifier("id"),
        "name": equal("name"),
        "status": equal("status"),
        "volume_id": identifier("volume_id"),
        "snapshot_id": identifier("snapshot_id"),
        "size": number("size"),
        "availability_zone": equal("zone"),
        "metadata": entries("metadata"),
        "created_at": time("created_at"),
        "updated_at": time("updated_at"),
        "name~": like("name"),
        "status~": like("status"),
    },
    since={
        "metadata": since(43),
        "created_at": since(60),
        "updated_at": since(60),
        **dict.fromkeys(("name~", "status~"), LIKE),
    },
    sort_keys={
        "id": "id",
        "status": "status",
        "size": "size",
        "volume_id": "volume_id",
        "name": "name",
        "created_at": "created_at",
        "updated_at": "updated_at",
    },
)
PARAMETERS = parameters(*BACKUPS.names)
BESIDE = {"backups_links": list[Link] | None, "count": int | None}
RECORD = within("backup-record", wire.BackupRecordShown)
#: Backups are sorted by name from here on.
BY_NAME = since(37)


class BackupViewSet(ListedViewSet):
    """Backups: list, show, create, update, delete, restore, records."""

    manager: ClassVar[type[BackupManager]] = BackupManager
    lists = BACKUPS

    @extend_schema(
        operation_id="backups_list",
        parameters=PARAMETERS,
        responses={200: listing("backups", wire.BackupBrief, **BESIDE)},
    )
    def list(self, request: Request) -> Response:
        """List backups, briefly."""
        return self._page(wire.BackupBrief)

    @extend_schema(
        operation_id="backups_list_detail",
        parameters=PARAMETERS,
        responses={200: listing("backups", wire.BackupShown, **BESIDE)},
    )
    def list_detail(self, request: Request) -> Response:
        """List backups, whole."""
        return self._page(wire.BackupShown)

    def _page(self, answer: Any) -> Response:
        query = self.request.query_params
        if self.version not in BY_NAME and "name" in f"{query.get('sort')},{query.get('sort_key')}":
            raise BadRequest("Backups are not sorted by name at this version.")
        manager = self.manager(self.context)
        return self.page(manager.list_backups, manager.count_backups, answer, self.request)

    @extend_schema(operation_id="backups_get", responses={200: within("backup", wire.BackupShown)})
    def retrieve(self, request: Request, backup_id: str) -> Response:
        """Show a backup."""
        return self._one(wire.BackupShown, self.manager(self.context).find(backup_id))

    @extend_schema(
        operation_id="backups_create",
        request=within("backup", wire.BackupCreate),
        responses={202: within("backup", wire.BackupBrief)},
    )
    def create(self, request: Request) -> Response:
        """Back up a volume, or a snapshot of it; incrementally, if there is a backup before."""
        said = self.validated(wire.BackupCreate, self.body("backup"))
        wish = BackupWish(
            volume_id=said.volume_id,
            snapshot_id=said.snapshot_id or None,
            name=said.name,
            description=said.description,
            incremental=said.incremental,
            force=said.force,
            encrypted=said.encrypted,
            store=said.container or None,
            zone=said.availability_zone or None,
            metadata=said.metadata,
        )
        return self._one(wire.BackupBrief, self.manager(self.context).create(wish), status=202)

    @since(9)
    @extend_schema(
        operation_id="backups_update",
        request=within("backup", wire.BackupUpdate),
        responses={200: within("backup", wire.BackupBrief)},
    )
    def update(self, request: Request, backup_id: str) -> Response:
        """Rename a backup, describe it, replace its metadata."""
        said = self.validated(wire.BackupUpdate, self.body("backup")).said()
        if not said:
            raise BadRequest("Nothing of what the body holds can be changed.")
        return self._one(wire.BackupBrief, self.manager(self.context).update(backup_id, said))

    @extend_schema(operation_id="backups_delete", responses={202: None})
    def destroy(self, request: Request, backup_id: str) -> Response:
        """Delete a backup; those that share chunks with it keep them (202)."""
        self.manager(self.context).delete(backup_id)
        return empty(202)

    @extend_schema(
        operation_id="backups_restore",
        request=within("restore", wire.BackupRestore),
        responses={202: within("restore", wire.RestoreShown)},
    )
    def restore(self, request: Request, backup_id: str) -> Response:
        """Restore a backup over a volume, or into a new one (202)."""
        said = self.validated(wire.BackupRestore, self.body("restore"))
        volume = self.manager(self.context).restore(
            backup_id,
            volume_id=said.volume_id or None,
            wanted=VolumeRequest(name=said.name) if said.name else None,
        )
        shown = {"backup_id": backup_id, "volume_id": str(volume.id), "volume_name": volume.name}
        return Response({"restore": shown}, status=202)

    @extend_schema(operation_id="backups_export_record", responses={200: RECORD})
    def export_record(self, request: Request, backup_id: str) -> Response:
        """Return all that is needed to take the backup up again."""
        service, url = self.manager(self.context).export_record(backup_id)
        return Response({"backup-record": {"backup_service": service, "backup_url": url}})

    @extend_schema(
        operation_id="backups_import_record",
        request=within("backup-record", wire.BackupRecordBody),
        responses={201: within("backup", wire.BackupBrief)},
    )
    def import_record(self, request: Request) -> Response:
        """Take a backup up that is in a store already (201)."""
        said = self.validated(wire.BackupRecordBody, self.body("backup-record"))
        row = self.manager(self.context).import_record(
            service=said.backup_service, url=said.backup_url
        )
        return self._one(wire.BackupBrief, row, status=201)

    @extend_schema(operation_id="backups_action", request=wire.BackupAction, responses={202: None})
    def act(self, request: Request, backup_id: str) -> Response:
        """Do the one thing the body names (202)."""
        body, manager = request.data, self.manager(self.context)
        if not isinstance(body, Mapping) or len(body) != 1 or not body.keys() <= wire.BODIES.keys():
            raise BadRequest(f"The body must hold one action: {' or '.join(wire.BODIES)}.")
        ((name, value),) = body.items()
        said = self.validated(wire.BODIES[name], {} if value is None else value)
        if isinstance(said, wire.ResetBackupStatus):
            manager.reset_status(backup_id, status=said.status)
        else:
            manager.delete(backup_id, force=True)
        return empty(202)

    def _one(self, answer: Any, row: Backup, *, status: int = 200) -> Response:
        return Response({"backup": self.shown(answer, row)}, status=status)


class BackupProofViewSet(ListedViewSet):
    """Which backups were restored and compared, and when: this cloud's own."""

    manager: ClassVar[type[BackupManager]] = BackupManager
    lists = BACKUPS

    @extend_schema(
        operation_id="backup_proofs_list",
        parameters=PARAMETERS,
        responses={200: listing("backups", wire.BackupProofShown, **BESIDE)},
    )
    def list(self, request: Request) -> Response:
        """List backups with their proofs."""
        manager = self.manager(self.context)
        return self.page(
            manager.list_backups, manager.count_backups, wire.BackupProofShown, request
        )

    @extend_schema(
        operation_id="backup_proofs_get",
        responses={200: within("backup_proof", wire.BackupProofShown)},
    )
    def retrieve(self, request: Request, backup_id: str) -> Response:
        """Show one backup's proof."""
        row = self.manager(self.context).find(backup_id)
        return Response({"backup_proof": self.shown(wire.BackupProofShown, row)})

    @extend_schema(
        operation_id="backup_proofs_create",
        request=within("backup_proof", wire.BackupProofAsk),
        responses={202: within("backup_proof", wire.BackupProofShown)},
    )
    def create(self, request: Request) -> Response:
        """Prove a backup now (202)."""
        said = self.validated(wire.BackupProofAsk, self.body("backup_proof"))
        row = self.manager(self.context).prove(said.backup_id)
        return Response({"backup_proof": self.shown(wire.BackupProofShown, row)}, status=202)
