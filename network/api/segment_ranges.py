"""/network_segment_ranges."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.segment_ranges import SEGMENT_RANGE
from network.manager import SegmentRangeManager


class SegmentRangeViewSet(NounViewSet):
    """Ranges of the numbers of networks."""

    manager = SegmentRangeManager
    resource = SEGMENT_RANGE
