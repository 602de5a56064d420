"""/OS-OAUTH1/consumers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, listed
from identity.api.serializers.oauth1 import ConsumerWritten, consumer_body, extra_of
from identity.api.views import IdentityViewSet, described
from identity.manager import ConsumerManager

HINTS = Hints()


class ConsumerViewSet(IdentityViewSet):
    """Programs that act for users who let them."""

    manager = ConsumerManager

    @extend_schema(
        operation_id="identity_consumers_list", parameters=HINTS.parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return the consumers, without their secrets."""
        rows = self.manager(self.context).list()
        return listed(request._request, "consumers", rows, consumer_body)

    @extend_schema(
        operation_id="identity_consumers_create", request=ConsumerWritten, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Record a consumer; its secret is in this answer alone."""
        body = self.wanted("consumer", ConsumerWritten)
        made = self.manager(self.context).create(
            description=body.description or "", extra=extra_of(body)
        )
        shown = consumer_body(request._request, made.row, secret=made.secret)
        return Response({"consumer": shown}, status=201)

    @extend_schema(operation_id="identity_consumers_get", responses={200: dict})
    def retrieve(self, request: Request, consumer_id: str) -> Response:
        """Return one consumer."""
        row = self.manager(self.context).get(consumer_id)
        return Response({"consumer": consumer_body(request._request, row)})

    @extend_schema(
        operation_id="identity_consumers_update", request=ConsumerWritten, responses={200: dict}
    )
    def partial_update(self, request: Request, consumer_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("consumer", ConsumerWritten)
        changes: dict[str, Any] = described(body)
        if extra := extra_of(body):
            changes["extra"] = extra
        row = self.manager(self.context).update(consumer_id, **changes)
        return Response({"consumer": consumer_body(request._request, row)})

    @extend_schema(operation_id="identity_consumers_delete", responses={204: None})
    def destroy(self, request: Request, consumer_id: str) -> Response:
        """Remove a consumer; what it does for users ends."""
        self.manager(self.context).delete(consumer_id)
        return empty(204)
