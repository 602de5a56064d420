"""/OS-FEDERATION/mappings."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, listed
from identity.api.serializers.federation import (
    MappingCreate,
    MappingUpdate,
    mapping_body,
    new_id,
    same_id,
)
from identity.api.views import IdentityViewSet
from identity.manager import MappingManager
from identity.models import Mapping


class MappingViewSet(IdentityViewSet):
    """Rules that turn a provider's claims into users here."""

    manager = MappingManager

    @extend_schema(
        operation_id="identity_mappings_list", parameters=Hints().parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return the mappings."""
        rows = MappingManager(self.context).list()
        return listed(request._request, "mappings", rows, mapping_body)

    @extend_schema(
        operation_id="identity_mappings_create", request=MappingCreate, responses={201: dict}
    )
    def create(self, request: Request, mapping_id: str) -> Response:
        """Record rules."""
        body = self.wanted("mapping", MappingCreate)
        mapping = MappingManager(self.context).create(
            mapping_id=new_id(mapping_id, body.id),
            rules=body.rules,
            schema_version=body.schema_version or "1.0",
        )
        return self._answer(mapping, status=201)

    @extend_schema(operation_id="identity_mappings_get", responses={200: dict})
    def retrieve(self, request: Request, mapping_id: str) -> Response:
        """Return one mapping."""
        return self._answer(MappingManager(self.context).get(mapping_id))

    @extend_schema(
        operation_id="identity_mappings_update", request=MappingUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, mapping_id: str) -> Response:
        """Change the rules; they count from the next log-in on."""
        body = self.wanted("mapping", MappingUpdate)
        same_id(mapping_id, body.id)
        changes: dict[str, Any] = {}
        if "rules" in body.model_fields_set:
            changes["rules"] = body.rules
        if body.schema_version is not None:
            changes["schema_version"] = body.schema_version
        return self._answer(MappingManager(self.context).update(mapping_id, **changes))

    @extend_schema(operation_id="identity_mappings_delete", responses={204: None})
    def destroy(self, request: Request, mapping_id: str) -> Response:
        """Remove rules that no protocol uses."""
        MappingManager(self.context).delete(mapping_id)
        return empty(204)

    def _answer(self, mapping: Mapping, *, status: int = 200) -> Response:
        return Response({"mapping": mapping_body(self.request._request, mapping)}, status=status)
