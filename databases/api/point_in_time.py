"""/instances/{id}/point_in_time: whether one can go back to any moment, and how far; this cloud's own."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.views import ServiceViewSet
from databases.api.serializers import point_in_time as wire
from databases.manager import PointInTimeManager
from databases.manager.point_in_time import PointInTime

NOUN = "point_in_time"
SHOWN = within(NOUN, wire.PointInTimeShown)


class PointInTimeViewSet(ServiceViewSet):
    """Show, switch on or off."""

    manager: ClassVar[type[PointInTimeManager]] = PointInTimeManager

    @extend_schema(operation_id="point_in_time_get", responses={200: SHOWN})
    def retrieve(self, request: Request, instance_id: str) -> Response:
        """Show how far back one can go."""
        return self._one(self.manager(self.context).of_instance(instance_id))

    @extend_schema(
        operation_id="point_in_time_update",
        request=within(NOUN, wire.PointInTimeUpdate),
        responses={202: SHOWN},
    )
    def update(self, request: Request, instance_id: str) -> Response:
        """Have the log kept, or no longer."""
        said = self.validated(wire.PointInTimeUpdate, self.body(NOUN))
        found = self.manager(self.context).keep(instance_id, enabled=said.enabled)
        return self._one(found, status=202)

    def _one(self, found: PointInTime, *, status: int = 200) -> Response:
        return Response({NOUN: self.shown(wire.PointInTimeShown, found)}, status=status)
