"""Server actions: POST /servers/{id}/action with exactly one key (contract 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest, Gone, NotFound
from instances.actions import called
from instances.api.removed import ACTIONS as GONE_ACTIONS
from instances.api.removed import GONE
from instances.api.serializers.actions import (
    ServerAction,
    answer_of,
    answers,
    body_of,
)
from instances.manager import InstanceManager


class ServerActionViewSet(ServiceViewSet):
    """What can be done to a server, by the records of ``instances/actions``."""

    manager = InstanceManager

    @extend_schema(request=ServerAction, responses=answers())
    def act(self, request: Request, server_id: str) -> Response:
        """Do the one thing the body names."""
        body = request.data
        if not isinstance(body, Mapping) or len(body) != 1:
            raise BadRequest("Malformed request body: it must hold exactly one action.")
        name, value = next(iter(body.items()))
        action = called(name)
        if name in GONE_ACTIONS:
            raise Gone(GONE)
        if action is None:
            raise BadRequest(f"There is no such action: {str(name)[:64]}")
        if self.version not in action.versions:
            raise NotFound
        wanted, answer = body_of(action), answer_of(action)
        said = self.validated(wanted, {} if value is None else value).arguments() if wanted else {}
        found = action.done_by(self.manager(self.context), server_id, **said)
        response = answer.of(found, self) if answer else empty(action.status)
        response.status_code = action.status
        return response
