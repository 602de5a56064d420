"""/limits."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest
from identity.api.lists import Hints, hinted, listed, whole
from identity.api.serializers.limits import LimitCreate, LimitsCreate, LimitUpdate, limit_body
from identity.api.views import IdentityViewSet
from identity.manager import LimitManager
from identity.manager.limits import WantedLimit
from identity.models import Limit

OF_REGISTERED = ("service_id", "region_id", "resource_name")
HINTS = Hints(exact=("project_id", "domain_id"), others=OF_REGISTERED)


class LimitViewSet(IdentityViewSet):
    """Limits of projects and domains."""

    manager = LimitManager

    @extend_schema(
        operation_id="identity_limits_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the limits the caller sees; hints as the attributes are called."""
        http = request._request
        rows = LimitManager(self.context).list()
        rows = hinted(http, rows, HINTS)
        for name in OF_REGISTERED:
            if (value := http.GET.get(name)) is not None:
                rows = rows.filter(**{f"registered_limit__{name}": value})
        return listed(http, "limits", rows, limit_body)

    @extend_schema(operation_id="identity_limits_model", responses={200: dict})
    def model(self, request: Request) -> Response:
        """Return how limits of nested projects relate."""
        return Response({"model": LimitManager(self.context).model()})

    @extend_schema(
        operation_id="identity_limits_create", request=LimitsCreate, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Set several limits, or none where one of them is refused."""
        body = self.validated(LimitsCreate)
        rows = LimitManager(self.context).create([_wanted(one) for one in body.limits])
        http = request._request
        answer = whole(http, "limits", [limit_body(http, row) for row in rows])
        answer.status_code = 201
        return answer

    @extend_schema(operation_id="identity_limits_get", responses={200: dict})
    def retrieve(self, request: Request, limit_id: str) -> Response:
        """Return one limit."""
        return self._answer(LimitManager(self.context).get(limit_id))

    @extend_schema(
        operation_id="identity_limits_update",
        request=within("limit", LimitUpdate),
        responses={200: dict},
    )
    def partial_update(self, request: Request, limit_id: str) -> Response:
        """Change a limit or its description."""
        body = self.wanted("limit", LimitUpdate)
        described = "description" in body.model_fields_set
        return self._answer(
            LimitManager(self.context).update(
                limit_id,
                resource_limit=body.resource_limit,
                description=(body.description or "") if described else None,
            )
        )

    @extend_schema(operation_id="identity_limits_delete", responses={204: None})
    def destroy(self, request: Request, limit_id: str) -> Response:
        """Remove a limit: the registered one holds again."""
        LimitManager(self.context).delete(limit_id)
        return empty(204)

    def _answer(self, row: Limit) -> Response:
        return Response({"limit": limit_body(self.request._request, row)})


def _wanted(one: LimitCreate) -> WantedLimit:
    if (one.project_id is None) == (one.domain_id is None):
        raise BadRequest("A limit belongs to a project or to a domain.")
    return WantedLimit(**{**one.model_dump(), "description": one.description or ""})
