"""/segments."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.segments import SEGMENT
from network.manager import SegmentManager


class SegmentViewSet(NounViewSet):
    """Segments."""

    manager = SegmentManager
    resource = SEGMENT
