"""/endpoints."""

from __future__ import annotations

from identity.api.resource import NounViewSet
from identity.api.serializers.catalog import ENDPOINT
from identity.manager import EndpointManager


class EndpointViewSet(NounViewSet):
    """Where services answer."""

    manager = EndpointManager
    resource = ENDPOINT
