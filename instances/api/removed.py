"""What the compute API had once and says to be gone (contract 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.urls.converters import StringConverter
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import Gone
from instances.manager import InstanceManager

NAMES = (
    "os-agents",
    "os-baremetal-nodes",
    "os-cells",
    "os-certificates",
    "os-cloudpipe",
    "os-fixed-ips",
    "os-floating-ip-dns",
    "os-floating-ips-bulk",
    "os-fping",
    "os-security-group-default-rules",
)

#: Actions on servers that are gone.
ACTIONS = ("injectNetworkInfo", "os-getRDPConsole", "resetNetwork")
GONE = "This API was removed and is no longer available."

F = TypeVar("F", bound=Callable[..., Any])


class Removed(StringConverter):
    """The path of one of these, or of anything below it."""

    regex = rf"(?:{'|'.join(NAMES)})(?:/.*)?"


def _described(method: str) -> Callable[[F], F]:
    name = f"compute_removed_{method.lower()}"
    return extend_schema(methods=[method], operation_id=name, request=None, responses={410: None})


class RemovedWrites(ServiceViewSet):
    """Networks, which can be read still, and changed here no longer."""

    @extend_schema(request=None, responses={410: None})
    def create(self, request: Request) -> Response:
        """Say that it is gone."""
        raise Gone(GONE)

    @extend_schema(request=None, responses={410: None})
    def associate(self, request: Request, network_id: str) -> Response:
        """Say that it is gone."""
        raise Gone(GONE)

    @extend_schema(request=None, responses={410: None})
    def destroy(self, request: Request, network_id: str) -> Response:
        """Say that it is gone."""
        raise Gone(GONE)

    @extend_schema(request=None, responses={410: None})
    def act(self, request: Request, network_id: str) -> Response:
        """Say that it is gone."""
        raise Gone(GONE)


class RemovedViewSet(ServiceViewSet):
    """Refuses whoever asks and whatever for."""

    manager = InstanceManager  # which is asked for nothing

    @_described("GET")
    @_described("HEAD")
    @_described("POST")
    @_described("PUT")
    @_described("DELETE")
    def refuse(self, request: Request, removed: str) -> Response:
        """Say that it is gone."""
        raise Gone(GONE)
