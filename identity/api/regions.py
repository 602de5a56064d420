"""/regions."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import validate
from cloudweb.exceptions import BadRequest
from identity.api.resource import NounViewSet
from identity.api.serializers.catalog import REGION, RegionCreate
from identity.manager import RegionManager


class RegionViewSet(NounViewSet):
    """Places; a client may choose their ids."""

    manager = RegionManager
    resource = REGION

    @extend_schema(
        operation_id="identity_regions_put", request=REGION.body(), responses={201: REGION.one()}
    )
    def establish(self, request: Request, region_id: str) -> Response:
        """Record a region under the id in the URL."""
        body = self.wanted(RegionCreate)
        if body.region_id not in (None, region_id):
            raise BadRequest("The id in the body is another one than in the URL.")
        named = validate(RegionCreate, {"id": region_id}).region_id
        row = self.manager(self.context).create(**{**body.said(), "region_id": named})
        return self.answer(row, status=201)
