"""/shelves."""

from __future__ import annotations

from cloudweb.api.resource import ResourceViewSet
from tests.example.api.serializers.shelves import SHELF
from tests.example.manager import ShelfManager


class ShelfViewSet(ResourceViewSet):
    """Shelves."""

    manager = ShelfManager
    resource = SHELF
