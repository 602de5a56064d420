"""/registered_limits."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed, whole
from identity.api.serializers.limits import (
    RegisteredLimitsCreate,
    RegisteredLimitUpdate,
    registered_limit_body,
)
from identity.api.views import IdentityViewSet, described, given
from identity.manager import RegisteredLimitManager

NAMED_BY = ("service_id", "region_id", "resource_name")
HINTS = Hints(exact=NAMED_BY)


class RegisteredLimitViewSet(IdentityViewSet):
    """The resources that limits are kept for."""

    manager = RegisteredLimitManager

    @extend_schema(
        operation_id="identity_registered_limits_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the registered limits; hints service_id, region_id, resource_name."""
        http = request._request
        rows = hinted(http, RegisteredLimitManager(self.context).list(), HINTS)
        return listed(http, "registered_limits", rows, registered_limit_body)

    @extend_schema(
        operation_id="identity_registered_limits_create",
        request=RegisteredLimitsCreate,
        responses={201: dict},
    )
    def create(self, request: Request) -> Response:
        """Register several, or none where one of them is refused."""
        body = self.validated(RegisteredLimitsCreate)
        wanted = [
            {**one.model_dump(), "description": one.description or ""}
            for one in body.registered_limits
        ]
        rows = RegisteredLimitManager(self.context).create(wanted)
        http = request._request
        answer = whole(
            http, "registered_limits", [registered_limit_body(http, row) for row in rows]
        )
        answer.status_code = 201
        return answer

    @extend_schema(operation_id="identity_registered_limits_get", responses={200: dict})
    def retrieve(self, request: Request, limit_id: str) -> Response:
        """Return one registered limit."""
        row = RegisteredLimitManager(self.context).get(limit_id)
        return Response({"registered_limit": registered_limit_body(request._request, row)})

    @extend_schema(
        operation_id="identity_registered_limits_update",
        request=within("registered_limit", RegisteredLimitUpdate),
        responses={200: dict},
    )
    def partial_update(self, request: Request, limit_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("registered_limit", RegisteredLimitUpdate)
        changes: dict[str, Any] = given(body, *NAMED_BY, "default_limit") | described(body)
        row = RegisteredLimitManager(self.context).update(limit_id, **changes)
        return Response({"registered_limit": registered_limit_body(request._request, row)})

    @extend_schema(operation_id="identity_registered_limits_delete", responses={204: None})
    def destroy(self, request: Request, limit_id: str) -> Response:
        """Remove one that no limit rests upon."""
        RegisteredLimitManager(self.context).delete(limit_id)
        return empty(204)
