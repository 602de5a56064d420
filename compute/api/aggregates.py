"""Host aggregates (contract 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from compute.api.serializers import aggregates as wire
from compute.manager import AggregateManager

SHOWN = within("aggregate", wire.AggregateShown)


class AggregateViewSet(ServiceViewSet):
    """Groups of hosts, for operators."""

    manager: ClassVar[type[AggregateManager]] = AggregateManager

    @extend_schema(responses={200: listing("aggregates", wire.AggregateShown)})
    def list(self, request: Request) -> Response:
        """Return all aggregates."""
        found = self.manager(self.context).list()
        return Response({"aggregates": self.shown_all(wire.AggregateShown, found)})

    @extend_schema(
        request=within("aggregate", wire.AggregateCreate),
        responses={200: within("aggregate", wire.AggregateMade)},
    )
    def create(self, request: Request) -> Response:
        """Make an aggregate without hosts."""
        wanted = self.validated(wire.AggregateCreate, self.body("aggregate"))
        made = self.manager(self.context).create(name=wanted.name, zone=wanted.availability_zone)
        return Response({"aggregate": self.shown(wire.AggregateMade, made)})

    @extend_schema(responses={200: SHOWN})
    def retrieve(self, request: Request, aggregate_id: str) -> Response:
        """Show an aggregate."""
        return self._answer(self.manager(self.context).get(aggregate_id))

    @extend_schema(request=within("aggregate", wire.AggregateUpdate), responses={200: SHOWN})
    def update(self, request: Request, aggregate_id: str) -> Response:
        """Rename it or change its zone."""
        body = self.body("aggregate")
        wanted = self.validated(wire.AggregateUpdate, body)
        if not body:
            raise BadRequest("Nothing is to be changed: name or availability_zone is missing.")
        named = "availability_zone" in body
        return self._answer(
            self.manager(self.context).update(
                aggregate_id,
                name=wanted.name,
                zone=(wanted.availability_zone or "") if named else None,
            )
        )

    @extend_schema(responses={200: None})
    def destroy(self, request: Request, aggregate_id: str) -> Response:
        """Remove an aggregate without hosts (200, no body)."""
        self.manager(self.context).delete(aggregate_id)
        return empty(200)

    @extend_schema(request=wire.AggregateAction, responses={200: SHOWN})
    def act(self, request: Request, aggregate_id: str) -> Response:
        """Add or remove a host, or set metadata."""
        data: Any = request.data
        manager = self.manager(self.context)
        word = next(iter(data), None) if isinstance(data, Mapping) and len(data) == 1 else None
        if word == "set_metadata":
            changes = self.validated(wire.Metadata, data[word]).metadata
            return self._answer(manager.set_metadata(aggregate_id, changes))
        if word not in ("add_host", "remove_host"):
            raise BadRequest("The body must hold one of add_host, remove_host and set_metadata.")
        act = manager.add_host if word == "add_host" else manager.remove_host
        return self._answer(act(aggregate_id, self.validated(wire.HostNamed, data[word]).host))

    def _answer(self, row: object) -> Response:
        return Response({"aggregate": self.shown(wire.AggregateShown, row)})
