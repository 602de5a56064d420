"""What goes wrong with segments and the ranges of their numbers."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, CloudwebError, Conflict
from network.exceptions import Missing


class NoNetworkAvailable(CloudwebError):
    """No range that is open to the project has a number left."""

    status = 503
    code = "no_network_available"
    default_message = "Unable to create the network. No tenant network is available for allocation."


class VlanIdInUse(Conflict):
    """Another network has this VLAN of the wire."""

    code = "vlan_id_in_use"

    def __init__(self, *, physical_network: str, vlan_id: int) -> None:
        super().__init__(
            f"Unable to create the network. The VLAN {vlan_id} on physical network "
            f"{physical_network} is in use."
        )


class TunnelIdInUse(Conflict):
    """Another network has this tunnel."""

    code = "tunnel_id_in_use"

    def __init__(self, tunnel_id: int) -> None:
        super().__init__(f"Unable to create the network. The tunnel ID {tunnel_id} is in use.")


class SegmentNotFound(Missing):
    """No such segment."""

    code = "segment_not_found"
    noun = "Segment"


class NetworkSegmentRangeNotFound(Missing):
    """No such range."""

    code = "network_segment_range_not_found"
    noun = "Network Segment Range"


class NetworkSegmentRangeOverlaps(Conflict):
    """Another range has some of the numbers."""

    code = "network_segment_range_overlaps"

    def __init__(self, range_ids: str) -> None:
        super().__init__(f"Network segment range overlaps with range(s) with id {range_ids}.")


class NetworkSegmentRangeReferencedByProject(Conflict):
    """Networks have numbers that the range would no longer hold."""

    code = "network_segment_range_referenced"

    def __init__(self, range_id: object) -> None:
        super().__init__(
            f"Network Segment Range {range_id} is referenced by one or more tenant networks."
        )


class NetworkSegmentRangeDefaultReadOnly(BadRequest):
    """Settings say what a default range is."""

    code = "network_segment_range_read_only"

    def __init__(self, range_id: object) -> None:
        super().__init__(f"Network Segment Range {range_id} is a default segment range.")
