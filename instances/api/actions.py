"""Server actions: POST /servers/{id}/action with exactly one key (contract 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from instances.api.serializers.server_bodies import ConsoleOutput, Reboot
from instances.manager import InstanceManager


class ServerActionViewSet(ServiceViewSet):
    """What can be done to a server. A new action is a method here and a line in ``ACTIONS``."""

    manager = InstanceManager

    @extend_schema(request=dict, responses={202: None})
    def act(self, request: Request, server_id: str) -> Response:
        """Do the one thing the body names."""
        body = request.data
        if not isinstance(body, Mapping) or len(body) != 1:
            raise BadRequest("Malformed request body: it must hold exactly one action.")
        name, value = next(iter(body.items()))
        if name not in self.ACTIONS:
            raise BadRequest(f"There is no such action: {str(name)[:64]}")
        return self.ACTIONS[name](self, server_id, value)

    def _start(self, server_id: str, value: Any) -> Response:
        self.manager(self.context).start(server_id)
        return empty(202)

    def _stop(self, server_id: str, value: Any) -> Response:
        self.manager(self.context).stop(server_id)
        return empty(202)

    def _reboot(self, server_id: str, value: Any) -> Response:
        wanted = self.validated(Reboot, value if isinstance(value, Mapping) else {})
        self.manager(self.context).reboot(server_id, hard=wanted.type.upper() == "HARD")
        return empty(202)

    def _console_output(self, server_id: str, value: Any) -> Response:
        wanted = self.validated(ConsoleOutput, {} if value is None else value)
        length = wanted.length if wanted.length is not None and wanted.length >= 0 else None
        text = self.manager(self.context).console_output(server_id, length=length)
        return Response({"output": text})

    ACTIONS: Mapping[str, Callable[[ServerActionViewSet, str, Any], Response]] = {
        "os-start": _start,
        "os-stop": _stop,
        "reboot": _reboot,
        "os-getConsoleOutput": _console_output,
    }
