"""/routers, and what they join."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from network.api.resource import NounViewSet
from network.api.serializers.routers import (
    ROUTER,
    ExtraRoutes,
    InterfaceBody,
    InterfaceWish,
    interface_body,
)
from network.manager import RouterManager


class RouterViewSet(NounViewSet):
    """Routers."""

    manager = RouterManager
    resource = ROUTER

    @extend_schema(
        operation_id="network_routers_add_interface",
        request=InterfaceWish,
        responses={200: InterfaceBody},
    )
    def add_interface(self, request: Request, identifier: str) -> Response:
        """Join a subnet to the router, by its gateway or by a port."""
        wanted = self.validated(InterfaceWish)
        found = self._manager().add_interface(
            identifier, subnet_id=wanted.subnet_id, port_id=wanted.port_id
        )
        return Response(interface_body(found))

    @extend_schema(
        operation_id="network_routers_remove_interface",
        request=InterfaceWish,
        responses={200: InterfaceBody},
    )
    def remove_interface(self, request: Request, identifier: str) -> Response:
        """Part a subnet from the router."""
        wanted = self.validated(InterfaceWish)
        found = self._manager().remove_interface(
            identifier, subnet_id=wanted.subnet_id, port_id=wanted.port_id
        )
        return Response(interface_body(found))

    def add_routes(self, request: Request, identifier: str) -> Response:
        """Add routes, all or none."""
        return self.answer(self._manager().add_routes(identifier, self._routes()))

    def remove_routes(self, request: Request, identifier: str) -> Response:
        """Take routes away, all or none."""
        return self.answer(self._manager().remove_routes(identifier, self._routes()))

    def _routes(self) -> list[dict[str, str]]:
        wanted = self.validated(ExtraRoutes, self.body("router"))
        return [route.model_dump() for route in wanted.routes]
