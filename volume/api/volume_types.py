"""Volume types, and which projects may use a private one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.fields import parse_bool
from cloudweb.api.resource import PAGING, SORTING, ResourceViewSet
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from cloudweb.listing import Listing
from cloudweb.microversions.volume import since
from volume.api.serializers import volume_types as wire
from volume.manager import VolumeTypeAccessManager, VolumeTypeManager


class VolumeTypeViewSet(ResourceViewSet):
    """List and show for everyone, the rest for admins."""

    manager: ClassVar[type[VolumeTypeManager]] = VolumeTypeManager
    resource = wire.VOLUME_TYPE
    controls = ("is_public", *PAGING, "sort", *SORTING)
    created = 200
    deleted = 202

    def list(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return the types that the caller may use; operators ask for public, private or all."""
        said = request.query_params.get("is_public")
        is_public = True if said is None else parse_bool(said, field="is_public")
        return self.page_of(partial(self.manager(self.context).list, is_public=is_public))

    def listing(self, query: QueryDict) -> Listing:
        """Return what the query asks for; filters were no part of the first versions."""
        if self.version not in since(52):
            query = query.copy()
            query.pop("extra_specs", None)
        return super().listing(query)

    @extend_schema(operation_id="volume_types_default", responses={200: wire.VOLUME_TYPE.one()})
    def retrieve_default(self, request: Request) -> Response:
        """Return the type of volumes for which none is named."""
        return self.answer(self.manager(self.context).default())


class VolumeTypeAccessViewSet(ServiceViewSet):
    """The access list, and the two actions that change it."""

    manager: ClassVar[type[VolumeTypeAccessManager]] = VolumeTypeAccessManager

    @extend_schema(responses={200: listing("volume_type_access", wire.VolumeTypeAccessShown)})
    def list(self, request: Request, type_id: str) -> Response:
        """Return the list of a private type."""
        found = self.manager(self.context).list(type_id)
        shown = [{"volume_type_id": type_id, "project_id": project} for project in found]
        return Response({"volume_type_access": shown})

    @extend_schema(request=wire.AccessAction, responses={202: None})
    def act(self, request: Request, type_id: str) -> Response:
        """Grant or withdraw access (202)."""
        data, manager = request.data, self.manager(self.context)
        actions = {"addProjectAccess": manager.add, "removeProjectAccess": manager.remove}
        if not isinstance(data, Mapping) or len(data) != 1 or not data.keys() <= actions.keys():
            raise BadRequest(f"The body must hold one action: {' or '.join(actions)}.")
        ((word, said),) = data.items()
        actions[word](type_id, self.validated(wire.Project, said).project)
        return empty(202)
