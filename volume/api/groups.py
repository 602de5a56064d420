"""Groups of volumes, from 3.13 on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

from drf_spectacular.utils import extend_schema
from pydantic import Field, RootModel, StringConstraints
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, page, within
from cloudweb.api.fields import Body, LooseBool, Name, Text, parse_bool
from cloudweb.api.filters import equal, identifier
from cloudweb.api.queries import FLAG, parameters
from cloudweb.api.resource import PAGING, SORTING, Resource, ResourceViewSet
from cloudweb.api.shown import Form, Of
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from volume.manager import GroupManager
from volume.models import Group

#: Where groups are there.
GROUPS = since(13)
#: Where they are made of others.
FROM_SOURCE = since(14)
ONE_ACTION = "The body must hold one action: delete or reset_status."
Ids = Annotated[str, StringConstraints(max_length=40_000)]


class GroupCreate(Body):
    """``group`` of POST /groups."""

    name: Text | None = None
    description: Text | None = None
    group_type: Name
    volume_types: Annotated[list[Name], Field(min_length=1, max_length=100)]
    availability_zone: Text | None = None


class GroupUpdate(Body):
    """``group`` of PUT /groups/{id}; volumes are ids joined by commas."""

    name: Text | None = None
    description: Text | None = None
    add_volumes: Ids | None = None
    remove_volumes: Ids | None = None


class GroupFromSource(Body):
    """``create-from-src`` of POST /groups/action, from 3.14 on."""

    name: Text | None = None
    description: Text | None = None
    group_snapshot_id: Name | None = None
    source_group_id: Name | None = None


class GroupDelete(Body):
    """``delete`` of POST …/action."""

    delete_volumes: LooseBool = Field(default=False, alias="delete-volumes")


class GroupReset(Body):
    """``reset_status`` of POST …/action, from 3.20 on."""

    status: Name


class Deletion(Body):
    """A group is removed."""

    delete: GroupDelete


class Reset(Body):
    """The status of a group is set."""

    reset_status: GroupReset


class GroupAction(RootModel[Deletion | Reset]):
    """The body of POST /groups/{id}/action: exactly one key."""


class GroupBrief(Answer):
    """A group as GET /groups lists it."""

    id: Annotated[str, Form(str)]
    name: str | None


def _id(key: object) -> str | None:
    return None if key is None else str(key)


def _types(row: Group) -> list[str]:
    return [str(kind.id) for kind in row.volume_types.all()]


class GroupShown(GroupBrief):
    """A group; none is replicated."""

    status: str
    description: str | None
    availability_zone: Annotated[str | None, Of("zone"), Form(lambda zone: zone or None)]
    created_at: Annotated[str, Form(micros)]
    group_type: Annotated[str, Of("group_type_id"), Form(str)]
    volume_types: Annotated[list[str], Of(_types)]
    group_snapshot_id: Annotated[str | None, Form(_id), since(14)]
    source_group_id: Annotated[str | None, Form(_id), since(14)]
    project_id: Annotated[str, since(58)]


class GroupWithVolumes(GroupShown):
    """A group with the volumes in it."""

    volumes: Annotated[
        list[str], Of(lambda row: [str(one.id) for one in row.volumes.all()]), since(25)
    ]


GROUP = Resource(
    "group",
    "groups",
    GroupBrief,
    filters={"id": identifier("id"), "name": equal("name"), "status": equal("status")},
    sort_keys={"created_at": "created_at", "id": "id", "status": "status"},
    order=("-created_at", "-id"),
)
PARAMETERS = parameters("all_tenants", *PAGING, "sort", *SORTING, *GROUP.filters, list_volume=FLAG)


class GroupViewSet(ResourceViewSet):
    """Groups of the project."""

    manager: ClassVar[type[GroupManager]] = GroupManager
    resource = GROUP
    called = "volume_groups"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look at the version, too."""
        super().initial(request, *args, **kwargs)
        if self.version not in GROUPS:
            raise NotFound

    @extend_schema(parameters=PARAMETERS, responses={200: page("groups", GroupBrief)})
    def list(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return the project's groups."""
        return self.page_of(self._read())

    @extend_schema(parameters=PARAMETERS, responses={200: page("groups", GroupWithVolumes)})
    def list_detail(self, request: Request) -> Response:
        """Return the project's groups, whole."""
        asked = self.listing(request.query_params)
        found = self._read()(asked)
        rows = self.shown_all(self._answer(), found.rows)
        return Response({"groups": rows, **self._links(asked, found)})

    @extend_schema(
        request=within("group", GroupCreate), responses={202: within("group", GroupBrief)}
    )
    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Make a group without volumes (202)."""
        said = self.validated(GroupCreate, self.body("group"))
        made = self.manager(self.context).create(
            name=said.name,
            description=said.description,
            group_type=said.group_type,
            volume_types=said.volume_types,
            zone=said.availability_zone,
        )
        return Response({"group": self.shown(GroupBrief, made)}, status=202)

    @extend_schema(
        operation_id="volume_groups_create_from_source",
        request=within("create-from-src", GroupFromSource),
        responses={202: within("group", GroupBrief)},
    )
    def create_from_source(self, request: Request) -> Response:
        """Make a group with volumes that hold what another's do, or did (202)."""
        if self.version not in FROM_SOURCE:
            raise NotFound
        said = self.validated(GroupFromSource, self.body("create-from-src"))
        made = self.manager(self.context).create_from(**said.model_dump())
        return Response({"group": self.shown(GroupBrief, made)}, status=202)

    @extend_schema(
        parameters=parameters(list_volume=FLAG),
        responses={200: within("group", GroupWithVolumes)},
    )
    def retrieve(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return a group, from 3.25 on with its volumes if the query says so."""
        row = self.manager(self.context).get(path["group_id"])
        return Response({"group": self.shown(self._answer(), row)})

    @extend_schema(request=within("group", GroupUpdate), responses={202: None})
    def update(self, request: Request, *_: Any, **path: Any) -> Response:
        """Rename it, put volumes in and take them out (202)."""
        said = self.validated(GroupUpdate, self.body("group"))
        words = {"name": said.name, "description": said.description}
        self.manager(self.context).update(
            path["group_id"],
            add=_ids(said.add_volumes),
            remove=_ids(said.remove_volumes),
            **{name: text for name, text in words.items() if text is not None},
        )
        return empty(202)

    @extend_schema(request=GroupAction, responses={202: None})
    def act(self, request: Request, group_id: str) -> Response:
        """Remove it, with its volumes if that is said; from 3.20 on say what it is (202)."""
        data, manager = request.data, self.manager(self.context)
        if not isinstance(data, Mapping) or len(data) != 1:
            raise BadRequest(ONE_ACTION)
        ((word, said),) = data.items()
        if word == "delete":
            body = self.validated(GroupDelete, said)
            manager.delete(group_id, with_volumes=body.delete_volumes)
        elif word == "reset_status" and self.version in since(20):
            manager.reset_status(group_id, status=self.validated(GroupReset, said).status)
        else:
            raise BadRequest(ONE_ACTION)
        return empty(202)

    def _answer(self) -> type[GroupShown]:
        said = self.request.query_params.get("list_volume")
        wanted = parse_bool(said, field="list_volume")
        return GroupWithVolumes if wanted else GroupShown

    def _read(self) -> Any:
        said = self.request.query_params.get("all_tenants")
        everywhere = parse_bool(said, field="all_tenants") and self.context.is_admin
        return partial(self.manager(self.context).list, all_projects=bool(everywhere))


def _ids(text: str | None) -> list[str]:
    return [one for word in (text or "").split(",") if (one := word.strip())]
