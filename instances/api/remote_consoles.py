"""Consoles (contract 3.1): an address that is good once, for a few minutes."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import BadRequest
from cloudweb.microversions.compute import since
from instances.api.console_addresses import address_of
from instances.api.serializers import consoles as wire
from instances.manager import InstanceManager


class RemoteConsoleViewSet(ServiceViewSet):
    """Open a console of any kind."""

    manager = InstanceManager

    @since(6)
    @extend_schema(
        request=within("remote_console", wire.RemoteConsole),
        responses={200: within("remote_console", wire.RemoteConsoleShown)},
    )
    def create(self, request: Request, server_id: str) -> Response:
        """Return where it can be looked at."""
        wanted = self.validated(wire.RemoteConsole, self.body("remote_console"))
        if not wanted.fits():
            raise BadRequest(f"Protocol {wanted.protocol} has no console of type {wanted.type}.")
        access = self.manager(self.context).open_console(server_id, kind=wanted.type)
        url = address_of(request._request, access)
        shown = {"protocol": wanted.protocol, "type": wanted.type, "url": url}
        return Response({"remote_console": shown})
