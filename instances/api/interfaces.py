"""The network cards of a server (contract 3.1)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions.compute import until
from instances.api.serializers.interfaces import (
    InterfaceCreate,
    InterfaceShown,
    VirtualInterface,
    interface,
)
from instances.manager import InstanceManager, ports_of, tags_of

KEY = "interfaceAttachment"


class InterfaceViewSet(ServiceViewSet):
    """Ports in servers."""

    manager = InstanceManager

    @extend_schema(responses={200: listing("interfaceAttachments", InterfaceShown)})
    def list(self, request: Request, server_id: str) -> Response:
        """List the cards of a server."""
        instance = self.manager(self.context).get(server_id)
        ports, tags = ports_of(self.context, [instance])[str(instance.id)], tags_of(instance)
        found = [interface(port, tags.get(port.id), self.version) for port in ports]
        return Response({"interfaceAttachments": found})

    @until(43)
    @extend_schema(responses={200: listing("virtual_interfaces", VirtualInterface)})
    def list_virtual(self, request: Request, server_id: str) -> Response:
        """List the cards in the words of old."""
        instance = self.manager(self.context).get(server_id)
        ports = ports_of(self.context, [instance])[str(instance.id)]
        return Response({"virtual_interfaces": self.shown_all(VirtualInterface, ports)})

    @extend_schema(
        request=within(KEY, InterfaceCreate), responses={200: within(KEY, InterfaceShown)}
    )
    def create(self, request: Request, server_id: str) -> Response:
        """Attach a port or a network; it is there once its port is ACTIVE."""
        wanted = self.validated(InterfaceCreate, self.body(KEY)).wanted()
        port = self.manager(self.context).attach_interface(server_id, wanted)
        return Response({KEY: interface(port, wanted.tag, self.version)})

    @extend_schema(responses={200: within(KEY, InterfaceShown)})
    def retrieve(self, request: Request, server_id: str, port_id: str) -> Response:
        """Show a card of a server."""
        port, tag = self.manager(self.context).interface(server_id, port_id)
        return Response({KEY: interface(port, tag, self.version)})

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, server_id: str, port_id: str) -> Response:
        """Detach a card; it is gone once it is not found."""
        self.manager(self.context).detach_interface(server_id, port_id)
        return empty(202)
