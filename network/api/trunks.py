"""/trunks."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from network.api.resource import NounViewSet
from network.api.serializers.trunks import (
    TRUNK,
    SubportsAdded,
    SubportsRemoved,
    SubportsShown,
    TrunkShown,
    subports_of,
)
from network.manager import TrunkManager
from network.models import Trunk


class TrunkViewSet(NounViewSet):
    """Trunks; what adds and takes away answers with the bare trunk, without its noun around it."""

    manager = TrunkManager
    resource = TRUNK

    @extend_schema(
        operation_id="network_trunks_add_subports",
        request=SubportsAdded,
        responses={200: TrunkShown},
    )
    def add(self, request: Request, identifier: str) -> Response:
        """Let the trunk carry more ports, all or none."""
        wanted = self.validated(SubportsAdded).said()
        return self._bare(self._manager().add_subports(identifier, **wanted))

    @extend_schema(
        operation_id="network_trunks_remove_subports",
        request=SubportsRemoved,
        responses={200: TrunkShown},
    )
    def remove(self, request: Request, identifier: str) -> Response:
        """Let it carry these no more, all or none."""
        wanted = [one.port_id for one in self.validated(SubportsRemoved).sub_ports]
        return self._bare(self._manager().remove_subports(identifier, wanted))

    @extend_schema(operation_id="network_trunks_get_subports", responses={200: SubportsShown})
    def subports(self, request: Request, identifier: str) -> Response:
        """Return what it carries."""
        return Response({"sub_ports": subports_of(self._manager().get(identifier))})

    def _bare(self, trunk: Trunk) -> Response:
        return Response(self.renderer()(trunk))
