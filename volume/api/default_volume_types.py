"""The default types that projects have of their own, from 3.62 on."""

from __future__ import annotations

from typing import Annotated, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing, within
from cloudweb.api.fields import Body, Name
from cloudweb.api.shown import Form
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions.volume import since
from volume.manager import DefaultVolumeTypeManager


class DefaultVolumeTypeSet(Body):
    """``default_type`` of PUT /default-types/{project}: a type by name or id."""

    volume_type: Name


class DefaultVolumeTypeShown(Answer):
    """What a project's volumes are of when nobody says."""

    project_id: str
    volume_type_id: Annotated[str, Form(str)]


SHOWN = within("default_type", DefaultVolumeTypeShown)


class DefaultVolumeTypeViewSet(ServiceViewSet):
    """Defaults of projects, for admins."""

    manager: ClassVar[type[DefaultVolumeTypeManager]] = DefaultVolumeTypeManager

    @since(62)
    @extend_schema(
        operation_id="volume_default_types_list",
        responses={200: listing("default_types", DefaultVolumeTypeShown)},
    )
    def list(self, request: Request) -> Response:
        """Return the projects that have a default of their own."""
        found = self.manager(self.context).list()
        return Response({"default_types": self.shown_all(DefaultVolumeTypeShown, found)})

    @since(62)
    @extend_schema(operation_id="volume_default_types_get", responses={200: SHOWN})
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Return a project's own default."""
        row = self.manager(self.context).get(project_id)
        return Response({"default_type": self.shown(DefaultVolumeTypeShown, row)})

    @since(62)
    @extend_schema(request=within("default_type", DefaultVolumeTypeSet), responses={200: SHOWN})
    def update(self, request: Request, project_id: str) -> Response:
        """Give a project a default of its own."""
        wanted = self.validated(DefaultVolumeTypeSet, self.body("default_type"))
        row = self.manager(self.context).set(project_id, volume_type=wanted.volume_type)
        return Response({"default_type": self.shown(DefaultVolumeTypeShown, row)})

    @since(62)
    @extend_schema(responses={204: None})
    def destroy(self, request: Request, project_id: str) -> Response:
        """Let a project have the cloud's default again (204)."""
        self.manager(self.context).delete(project_id)
        return empty(204)
