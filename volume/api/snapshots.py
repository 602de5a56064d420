"""Snapshots: volumes as they were at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.filters import entries, equal, identifier, time
from cloudweb.api.queries import parameters
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.microversions.volume import since
from volume.api.listing import LIKE, ListedViewSet, Lists, like
from volume.api.serializers import snapshots as wire
from volume.api.volumes import NAMES
from volume.manager import SnapshotManager

#: From here on a volume in use needs no force, and who says that he forces it not is refused.
WITHOUT_FORCE = since(66)
SNAPSHOTS = Lists(
    plural="snapshots",
    filters={
        "id": identifier("id"),
        "name": equal("name"),
        "display_name": equal("name"),
        "description": equal("description"),
        "status": equal("status"),
        "volume_id": identifier("volume"),
        "metadata": entries("metadata"),
        "user_id": equal("user_id"),
        "created_at": time("created_at"),
        "updated_at": time("updated_at"),
        "name~": like("name"),
        "description~": like("description"),
        "status~": like("status"),
    },
    since={
        "metadata": since(22),
        "created_at": since(60),
        "updated_at": since(60),
        "sort:name": since(30),
        **dict.fromkeys(("name~", "description~", "status~"), LIKE),
    },
    sort_keys={
        "id": "id",
        "name": "name",
        "display_name": "name",
        "status": "status",
        "volume_id": "volume_id",
        "size": "size",
        "created_at": "created_at",
        "updated_at": "updated_at",
    },
)
PARAMETERS = parameters(*SNAPSHOTS.names)
BESIDE = {"snapshots_links": list[Link] | None, "count": int | None}
ONE = within("snapshot", wire.SnapshotBrief)


class SnapshotViewSet(ListedViewSet):
    """Snapshots: list, show, create, update, delete, and what else is done to one."""

    manager: ClassVar[type[SnapshotManager]] = SnapshotManager
    lists = SNAPSHOTS

    @extend_schema(
        operation_id="volume_snapshots_list",
        parameters=PARAMETERS,
        responses={200: listing("snapshots", wire.SnapshotBrief, **BESIDE)},
    )
    def list(self, request: Request) -> Response:
        """List snapshots, briefly."""
        manager = self.manager(self.context)
        return self.page(manager.pages, manager.count, wire.SnapshotBrief, request)

    @extend_schema(
        operation_id="volume_snapshots_list_detail",
        parameters=PARAMETERS,
        responses={200: listing("snapshots", wire.SnapshotShown, **BESIDE)},
    )
    def list_detail(self, request: Request) -> Response:
        """List snapshots, whole."""
        manager = self.manager(self.context)
        return self.page(manager.pages, manager.count, wire.SnapshotShown, request)

    @extend_schema(
        operation_id="volume_snapshots_get",
        responses={200: within("snapshot", wire.SnapshotShown)},
    )
    def retrieve(self, request: Request, snapshot_id: str) -> Response:
        """Show a snapshot; a name is no id."""
        return self._one(wire.SnapshotShown, self.manager(self.context).find(snapshot_id))

    @extend_schema(
        operation_id="volume_snapshots_create",
        request=within("snapshot", wire.SnapshotCreate),
        responses={202: ONE},
    )
    def create(self, request: Request) -> Response:
        """Take a snapshot."""
        said = self.validated(wire.SnapshotCreate, self.body("snapshot"))
        made = self.manager(self.context).create(
            said.volume_id,
            name=said.name if said.name is not None else said.display_name,
            description=said.description
            if said.description is not None
            else said.display_description,
            metadata=said.metadata,
            in_use=self._in_use(said.force),
        )
        return self._one(wire.SnapshotBrief, made, status=202)

    def _in_use(self, force: bool | None) -> bool:
        if self.version not in WITHOUT_FORCE:
            return bool(force)
        if force is False:
            raise InvalidInput(
                field="force", value=force, reason="From 3.66 on it may be true or left out."
            )
        return True

    @extend_schema(
        operation_id="volume_snapshots_update",
        request=within("snapshot", wire.SnapshotUpdate),
        responses={200: ONE},
    )
    def update(self, request: Request, snapshot_id: str) -> Response:
        """Rename a snapshot, describe it."""
        said = self.validated(wire.SnapshotUpdate, self.body("snapshot")).said()
        if not said:
            raise BadRequest("Nothing of what the body holds can be changed.")
        changes = {NAMES.get(key, key): value for key, value in said.items()}
        row = self.manager(self.context).update(snapshot_id, **changes)
        return self._one(wire.SnapshotBrief, row)

    @extend_schema(operation_id="volume_snapshots_delete", responses={202: None})
    def destroy(self, request: Request, snapshot_id: str) -> Response:
        """Delete a snapshot."""
        self.manager(self.context).delete(snapshot_id)
        return empty(202)

    @extend_schema(
        operation_id="volume_snapshots_action",
        request=wire.SnapshotAction,
        responses={202: None},
    )
    def act(self, request: Request, snapshot_id: str) -> Response:
        """Do the one thing the body names: what operators know better than a status."""
        body, manager = request.data, self.manager(self.context)
        if not isinstance(body, Mapping) or len(body) != 1:
            raise BadRequest("Malformed request body: it must hold exactly one action.")
        name, value = next(iter(body.items()))
        if name == "os-reset_status":
            said = self.validated(wire.SnapshotStatusBody, {} if value is None else value)
            manager.reset_status(snapshot_id, status=said.status)
        elif name == "os-force_delete":
            manager.delete(snapshot_id, force=True)
        elif name == "os-unmanage":
            manager.unmanage(snapshot_id)
        else:
            raise BadRequest(f"There is no such action: {str(name)[:64]}")
        return empty(202)

    def _one(self, answer: Any, row: Any, *, status: int = 200) -> Response:
        return Response({"snapshot": self.shown(answer, row)}, status=status)
