"""Group types and their specs, from 3.11 on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from drf_spectacular.utils import extend_schema
from pydantic import ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, within
from cloudweb.api.fields import Body, LooseBool, Text
from cloudweb.api.resource import PAGING, SORTING, Resource, ResourceViewSet
from cloudweb.api.shown import Form, When
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.microversions.volume import since
from volume.api.serializers.volume_types import ExtraSpec, Specs, TypeName, parse_specs
from volume.exceptions import GroupSpecNotFound
from volume.manager import GroupTypeManager

SPECS = within("group_specs", dict[str, str])
#: Where group types are there.
GROUP_TYPES = since(11)


class GroupTypeCreate(Body):
    """``group_type`` of POST /group_types."""

    model_config = ConfigDict(populate_by_name=True)

    name: TypeName
    description: Text | None = None
    is_public: LooseBool = True
    group_specs: Specs = Field(default_factory=dict)


class GroupTypeUpdate(Body):
    """``group_type`` of PUT /group_types/{id}."""

    name: TypeName = ""
    description: Text | None = None
    is_public: LooseBool = True


class GroupTypeShown(Answer):
    """A group type; its specs are operators' matter."""

    id: Annotated[str, Form(str)]
    name: str
    description: str | None
    is_public: bool
    group_specs: Annotated[
        dict[str, str], When(lambda scene: scene.may("volume:group_specs:list"))
    ] = Field(default_factory=dict)


GROUP_TYPE = Resource(
    "group_type",
    "group_types",
    GroupTypeShown,
    GroupTypeCreate,
    GroupTypeUpdate,
    sort_keys={"created_at": "created_at", "id": "id", "name": "name"},
    order=("-created_at", "-id"),
    linked="group_type",
)


class Since11(ServiceViewSet):
    """Of group types nothing is there before 3.11."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look at the version, too."""
        super().initial(request, *args, **kwargs)
        if self.version not in GROUP_TYPES:
            raise NotFound


class GroupTypeViewSet(Since11, ResourceViewSet):
    """List and show for everyone, the rest for admins."""

    manager: ClassVar[type[GroupTypeManager]] = GroupTypeManager
    resource = GROUP_TYPE
    controls = ("is_public", *PAGING, "sort", *SORTING)
    created = 202
    deleted = 202


class GroupSpecViewSet(Since11):
    """The keys of a group type; one alone goes without an envelope."""

    manager: ClassVar[type[GroupTypeManager]] = GroupTypeManager

    @extend_schema(responses={200: SPECS})
    def list(self, request: Request, type_id: str) -> Response:
        """Return all keys."""
        return Response({"group_specs": self.manager(self.context).specs(type_id)})

    @extend_schema(request=SPECS, responses={202: SPECS})
    def create(self, request: Request, type_id: str) -> Response:
        """Set several keys (202)."""
        specs = parse_specs(self.body("group_specs"))
        self.manager(self.context).set_specs(type_id, specs)
        return Response({"group_specs": specs}, status=202)

    @extend_schema(responses={200: ExtraSpec})
    def retrieve(self, request: Request, type_id: str, key: str) -> Response:
        """Return one key."""
        specs = self.manager(self.context).specs(type_id)
        if key not in specs:
            raise GroupSpecNotFound(type_id=type_id, key=key)
        return Response({key: specs[key]})

    @extend_schema(request=ExtraSpec, responses={200: ExtraSpec})
    def update(self, request: Request, type_id: str, key: str) -> Response:
        """Set one key; the body names it again."""
        data = request.data
        if not isinstance(data, Mapping) or list(data) != [key]:
            raise BadRequest("Request body and URI mismatch")
        specs = parse_specs(data)
        self.manager(self.context).set_specs(type_id, specs)
        return Response(specs)

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, type_id: str, key: str) -> Response:
        """Remove one key (202, no body)."""
        self.manager(self.context).delete_spec(type_id, key)
        return empty(202)
