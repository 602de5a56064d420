"""What a console's token opens, for services that stand between (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, within
from cloudweb.api.shown import Always, Form, Of
from cloudweb.api.views import ServiceViewSet
from cloudweb.microversions.compute import since
from instances.manager import ConsoleManager


class ConsoleLed(Answer):
    """Where a token leads; the host draws port and path anew for each who comes in."""

    instance_uuid: Annotated[str, Of("id"), Form(str)]
    host: str
    port: Annotated[int | None, Always(None)]
    internal_access_path: Annotated[str | None, Always(None)]


class ConsoleTokenViewSet(ServiceViewSet):
    """Tokens that a service was shown."""

    manager: ClassVar[type[ConsoleManager]] = ConsoleManager

    @since(31)  # before, of consoles of RDP alone
    @extend_schema(responses={200: within("console", ConsoleLed)})
    def retrieve(self, request: Request, token: str) -> Response:
        """Return the server and its host; the token is good as before."""
        found = self.manager(self.context).of_token(token)
        return Response({"console": self.shown(ConsoleLed, found)})
