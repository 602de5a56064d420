"""/services."""

from __future__ import annotations

from identity.api.resource import NounViewSet
from identity.api.serializers.catalog import SERVICE
from identity.manager import CatalogServiceManager


class CatalogServiceViewSet(NounViewSet):
    """The APIs of the cloud."""

    manager = CatalogServiceManager
    resource = SERVICE
