"""/regions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error
from cloudweb.api.views import empty, validate
from cloudweb.exceptions import BadRequest
from identity.api.lists import Hints, listed
from identity.api.serializers.catalog import (
    RegionCreate,
    RegionUpdate,
    extra_of,
    region_body,
)
from identity.api.views import IdentityViewSet, described
from identity.manager import CatalogManager
from identity.models import Region

HINTS = Hints(others=("parent_region_id",))


class RegionViewSet(IdentityViewSet):
    """Places; a client may choose their ids."""

    manager = CatalogManager

    @extend_schema(
        operation_id="identity_regions_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the regions; hint parent_region_id."""
        http = request._request
        rows = CatalogManager(self.context).list_regions()
        if parent := http.GET.get("parent_region_id"):
            rows = rows.filter(parent_id=parent)
        return listed(http, "regions", rows, region_body)

    @extend_schema(
        operation_id="identity_regions_create",
        request=RegionCreate,
        responses={201: dict, 404: Error},
    )
    def create(self, request: Request) -> Response:
        """Record a region; its id is drawn unless the body has one."""
        body = self.wanted("region", RegionCreate)
        return self._created(body, body.id)

    @extend_schema(operation_id="identity_regions_put", request=RegionCreate, responses={201: dict})
    def establish(self, request: Request, region_id: str) -> Response:
        """Record a region under the id in the URL."""
        body = self.wanted("region", RegionCreate)
        if body.id not in (None, region_id):
            raise BadRequest("The id in the body is another one than in the URL.")
        return self._created(body, validate(RegionCreate, {"id": region_id}).id)

    def _created(self, body: RegionCreate, region_id: str | None) -> Response:
        region = CatalogManager(self.context).create_region(
            region_id,
            description=body.description or "",
            parent_id=body.parent_region_id,
            extra=extra_of(body),
        )
        return self._answer(region, status=201)

    @extend_schema(operation_id="identity_regions_get", responses={200: dict})
    def retrieve(self, request: Request, region_id: str) -> Response:
        """Return one region."""
        return self._answer(CatalogManager(self.context).get_region(region_id))

    @extend_schema(
        operation_id="identity_regions_update", request=RegionUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, region_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("region", RegionUpdate)
        changes: dict[str, Any] = described(body)
        if "parent_region_id" in body.model_fields_set:
            changes["parent_id"] = body.parent_region_id
        if extra := extra_of(body):
            changes["extra"] = extra
        return self._answer(CatalogManager(self.context).update_region(region_id, **changes))

    @extend_schema(operation_id="identity_regions_delete", responses={204: None})
    def destroy(self, request: Request, region_id: str) -> Response:
        """Remove a region that nothing lies in."""
        CatalogManager(self.context).delete_region(region_id)
        return empty(204)

    def _answer(self, region: Region, *, status: int = 200) -> Response:
        return Response({"region": region_body(self.request._request, region)}, status=status)
