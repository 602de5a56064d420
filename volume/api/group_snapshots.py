"""Snapshots of groups of volumes, from 3.14 on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, page, within
from cloudweb.api.fields import Body, Name, Text, parse_bool
from cloudweb.api.filters import equal, identifier
from cloudweb.api.queries import parameters
from cloudweb.api.resource import PAGING, SORTING, Resource, ResourceViewSet
from cloudweb.api.shown import Form, Of
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.listing import Listing
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from volume.manager import GroupSnapshotManager

#: Where they are there, where their status can be set, and where lists have pages.
GROUP_SNAPSHOTS, RESETTING, PAGED = since(14), since(19), since(29)
ONE_ACTION = "The body must hold one action: reset_status."


class GroupSnapshotCreate(Body):
    """``group_snapshot`` of POST /group_snapshots."""

    group_id: Name
    name: Text | None = None
    description: Text | None = None


class GroupSnapshotReset(Body):
    """``reset_status`` of POST …/action, from 3.19 on."""

    status: Name


class GroupSnapshotAction(Body):
    """The body of POST /group_snapshots/{id}/action."""

    reset_status: GroupSnapshotReset


class GroupSnapshotBrief(Answer):
    """One as GET /group_snapshots lists it."""

    id: Annotated[str, Form(str)]
    name: str | None


class GroupSnapshotMade(GroupSnapshotBrief):
    """One as the answer to POST shows it."""

    group_type_id: Annotated[str, Of(lambda row: str(row.group.group_type_id))]


class GroupSnapshotShown(GroupSnapshotMade):
    """One with everything."""

    group_id: Annotated[str, Form(str)]
    status: str
    description: str | None
    created_at: Annotated[str, Form(micros)]
    project_id: Annotated[str, since(58)]


GROUP_SNAPSHOT = Resource(
    "group_snapshot",
    "group_snapshots",
    GroupSnapshotBrief,
    filters={
        "id": identifier("id"),
        "name": equal("name"),
        "status": equal("status"),
        "group_id": identifier("group"),
    },
    sort_keys={
        "created_at": "created_at",
        "id": "id",
        "status": "status",
        "group_id": "group_id",
    },
    order=("-created_at", "-id"),
    linked="group_snapshot",
)
PARAMETERS = parameters("all_tenants", *PAGING, "sort", *SORTING, *GROUP_SNAPSHOT.filters)


class GroupSnapshotViewSet(ResourceViewSet):
    """The snapshots of groups of the project."""

    manager: ClassVar[type[GroupSnapshotManager]] = GroupSnapshotManager
    resource = GROUP_SNAPSHOT

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look at the version, too."""
        super().initial(request, *args, **kwargs)
        if self.version not in GROUP_SNAPSHOTS:
            raise NotFound

    @extend_schema(
        parameters=PARAMETERS, responses={200: page("group_snapshots", GroupSnapshotBrief)}
    )
    def list(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return the project's."""
        return self._listed(GroupSnapshotBrief)

    @extend_schema(
        parameters=PARAMETERS, responses={200: page("group_snapshots", GroupSnapshotShown)}
    )
    def list_detail(self, request: Request) -> Response:
        """Return the project's, whole."""
        return self._listed(GroupSnapshotShown)

    @extend_schema(
        request=within("group_snapshot", GroupSnapshotCreate),
        responses={202: within("group_snapshot", GroupSnapshotMade)},
    )
    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Snapshot all volumes of a group together (202)."""
        said = self.validated(GroupSnapshotCreate, self.body("group_snapshot"))
        made = self.manager(self.context).create(
            said.group_id, name=said.name, description=said.description
        )
        return Response({"group_snapshot": self.shown(GroupSnapshotMade, made)}, status=202)

    @extend_schema(responses={200: within("group_snapshot", GroupSnapshotShown)})
    def retrieve(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return one."""
        row = self.manager(self.context).find(path["group_snapshot_id"])
        return Response({"group_snapshot": self.shown(GroupSnapshotShown, row)})

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, *_: Any, **path: Any) -> Response:
        """Delete one with all snapshots in it (202)."""
        self.manager(self.context).delete(path["group_snapshot_id"])
        return empty(202)

    @extend_schema(request=GroupSnapshotAction, responses={202: None})
    def act(self, request: Request, group_snapshot_id: str) -> Response:
        """Say what one is (202)."""
        data = request.data
        known = {"reset_status"} if self.version in RESETTING else set()
        if not isinstance(data, Mapping) or {*data} != known:
            raise BadRequest(ONE_ACTION)
        said = self.validated(GroupSnapshotReset, data["reset_status"])
        self.manager(self.context).reset_status(group_snapshot_id, status=said.status)
        return empty(202)

    def _listed(self, answer: type[GroupSnapshotBrief]) -> Response:
        query = self.request.query_params
        everywhere = parse_bool(query.get("all_tenants"), field="all_tenants")
        asked = (
            self.listing(query) if self.version in PAGED else Listing(order=GROUP_SNAPSHOT.order)
        )
        read = partial(
            self.manager(self.context).list,
            all_projects=bool(everywhere and self.context.is_admin),
        )
        found = read(asked)
        rows = self.shown_all(answer, found.rows)
        return Response({"group_snapshots": rows, **self._links(asked, found)})
