"""Volumes: disks that outlive their servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.fields import parse_bool
from cloudweb.api.filters import entries, equal, flag, identifier, number, time
from cloudweb.api.queries import parameters
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.microversions.volume import since
from volume.api.listing import LIKE, ListedViewSet, Lists, like
from volume.api.serializers import volumes as wire
from volume.manager import BackupManager, VolumeManager, VolumeRequest

HINTS = "OS-SCH-HNT:scheduler_hints"
#: What clients call a thing, and what the manager calls it.
NAMES = {"display_name": "name", "display_description": "description"}
VOLUMES = Lists(
    plural="volumes",
    filters={
        "id": identifier("id"),
        "name": equal("name"),
        "display_name": equal("name"),
        "description": equal("description"),
        "status": equal("status"),
        "metadata": entries("metadata"),
        "glance_metadata": entries("image_metadata"),
        "bootable": flag("bootable"),
        "availability_zone": equal("zone"),
        "size": number("size"),
        "volume_type_id": identifier("volume_type"),
        "user_id": equal("user_id"),
        "group_id": identifier("group"),
        "migration_status": equal("migration_status"),
        "created_at": time("created_at"),
        "updated_at": time("updated_at"),
        "name~": like("name"),
        "description~": like("description"),
        "status~": like("status"),
        "availability_zone~": like("zone"),
    },
    since={
        "glance_metadata": since(4),
        "group_id": since(10),
        "created_at": since(60),
        "updated_at": since(60),
        **dict.fromkeys(("name~", "description~", "status~", "availability_zone~"), LIKE),
    },
    sort_keys={
        "id": "id",
        "name": "name",
        "display_name": "name",
        "status": "status",
        "size": "size",
        "availability_zone": "zone",
        "bootable": "bootable",
        "volume_type_id": "volume_type_id",
        "user_id": "user_id",
        "project_id": "project_id",
        "created_at": "created_at",
        "updated_at": "updated_at",
    },
)
PARAMETERS = parameters(*VOLUMES.names)
BESIDE = {"volumes_links": list[Link] | None, "count": int | None}


class VolumeViewSet(ListedViewSet):
    """Volumes: list, show, create, update, delete."""

    manager: ClassVar[type[VolumeManager]] = VolumeManager
    lists = VOLUMES

    @extend_schema(
        operation_id="volumes_list",
        parameters=PARAMETERS,
        responses={200: listing("volumes", wire.VolumeBrief, **BESIDE)},
    )
    def list(self, request: Request) -> Response:
        """List volumes, briefly."""
        return self._page(wire.VolumeBrief)

    @extend_schema(
        operation_id="volumes_list_detail",
        parameters=PARAMETERS,
        responses={200: listing("volumes", wire.VolumeShown, **BESIDE)},
    )
    def list_detail(self, request: Request) -> Response:
        """List volumes, whole."""
        return self._page(wire.VolumeShown)

    def _page(self, answer: Any) -> Response:
        manager = self.manager(self.context)
        return self.page(manager.list, manager.count, answer, self.request)

    @since(12)
    @extend_schema(
        operation_id="volumes_summary",
        parameters=parameters("all_tenants"),
        responses={200: within("volume-summary", wire.SummaryShown)},
    )
    def summary(self, request: Request) -> Response:
        """Sum volumes up."""
        everywhere = self._all_projects(request.query_params)
        found = self.manager(self.context).summary(all_projects=everywhere)
        body: dict[str, Any] = {"total_size": found.size, "total_count": found.count}
        if self.version in since(36):
            body["metadata"] = found.metadata
        return Response({"volume-summary": body})

    @extend_schema(operation_id="volumes_get", responses={200: within("volume", wire.VolumeShown)})
    def retrieve(self, request: Request, volume_id: str) -> Response:
        """Show a volume; a name is no id."""
        return self._one(wire.VolumeShown, self.manager(self.context).get(volume_id))

    @extend_schema(
        operation_id="volumes_create",
        request=within("volume", wire.VolumeCreate, **{HINTS: wire.SchedulerHints | None}),
        responses={202: within("volume", wire.VolumeCreated)},
    )
    def create(self, request: Request) -> Response:
        """Create a volume: empty, or of an image, a snapshot, a volume or a backup."""
        said = self.validated(wire.VolumeCreate, self.body("volume"))
        if said.consistencygroup_id:
            raise NotFound("The group could not be found.")
        manager = self.manager(self.context)
        wanted = VolumeRequest(
            size=said.size,
            name=said.name if said.name is not None else said.display_name,
            description=said.description
            if said.description is not None
            else said.display_description,
            volume_type=said.volume_type or None,
            zone=said.availability_zone or None,
            image_id=said.image_id or None,
            snapshot_id=said.snapshot_id or None,
            source_volume_id=said.source_volid or None,
            multiattach=bool(said.multiattach),
            group_id=said.group_id or None,
            metadata=said.metadata,
            hints=self._hints(),
        )
        if said.backup_id:
            made = BackupManager(self.context).restore(said.backup_id, wanted=wanted)
        else:
            made = manager.create(wanted)
        return self._one(wire.VolumeCreated, manager.get(made.id), status=202)

    def _hints(self) -> Mapping[str, Any]:
        beside: Any = self.request.data
        said = beside.get(HINTS)
        hints = self.validated(wire.SchedulerHints, {} if said is None else said)
        return hints.model_dump(include={"same_host", "different_host"}, exclude_unset=True)

    @extend_schema(
        operation_id="volumes_update",
        request=within("volume", wire.VolumeUpdate),
        responses={200: within("volume", wire.VolumeUpdated)},
    )
    def update(self, request: Request, volume_id: str) -> Response:
        """Rename a volume, describe it, replace its metadata."""
        said = self.validated(wire.VolumeUpdate, self.body("volume")).said()
        if not said:
            raise BadRequest("Nothing of what the body holds can be changed.")
        changes = {NAMES.get(key, key): value for key, value in said.items()}
        return self._one(
            wire.VolumeUpdated, self.manager(self.context).update(volume_id, **changes)
        )

    @extend_schema(
        operation_id="volumes_delete",
        parameters=parameters("cascade", "force"),
        responses={202: None},
    )
    def destroy(self, request: Request, volume_id: str) -> Response:
        """Delete a volume, on request with its snapshots, or whatever its status."""
        query = request.query_params
        force = parse_bool(query.get("force"), field="force") and self.version in since(23)
        self.manager(self.context).delete(
            volume_id,
            cascade=bool(parse_bool(query.get("cascade"), field="cascade")),
            force=bool(force),
        )
        return empty(202)

    def _one(self, answer: Any, row: Any, *, status: int = 200) -> Response:
        return Response({"volume": self.shown(answer, row)}, status=status)
