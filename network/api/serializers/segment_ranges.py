"""Ranges of the numbers of networks on the wire."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field

from cloudweb.api.fields import LooseBool, Text
from cloudweb.api.filters import equal, flag, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import Change, Creation, Maybe, StandardShown
from network.api.serializers.networks import KINDS, SegmentationId
from network.models import SegmentRange

#: So many free numbers are shown; a range may have sixteen million.
AVAILABLE_SHOWN = 4096


class SegmentRangeCreate(Creation):
    """POST /network_segment_ranges."""

    name: Text = ""
    default: LooseBool = False
    shared: LooseBool = True
    network_type: Literal["vlan", "vxlan"]
    physical_network: Annotated[str, Field(max_length=64)] = ""
    minimum: SegmentationId
    maximum: SegmentationId

    def said(self) -> dict[str, Any]:
        """Return what the client said, with the type as the kind it means."""
        said = super().said()
        kind = KINDS[said.pop("network_type")]
        return {**said, "kind": kind}


class SegmentRangeUpdate(Change):
    """PUT /network_segment_ranges/{id}."""

    name: Text = ""
    minimum: SegmentationId = 0
    maximum: SegmentationId = 0


def _used(row: SegmentRange) -> dict[str, str]:
    return {f"{number}": project for number, project in row.used.items()}


def _available(row: SegmentRange) -> list[int]:
    free = (number for number in row.numbers if number not in row.used)
    return [*islice(free, AVAILABLE_SHOWN)]


class SegmentRangeShown(StandardShown):
    """A range; ``used`` are its numbers that networks have, by project, ``available`` the first free ones."""

    name: str
    default: bool
    shared: bool
    tenant_id: Annotated[Maybe, Of("project_id")]  # type: ignore[assignment] # shared ones are nobody's
    project_id: Maybe  # type: ignore[assignment]
    network_type: Annotated[str, Of("strategy.network_type")]
    physical_network: Maybe
    minimum: int
    maximum: int
    used: Annotated[dict[str, str], Of(_used)]
    available: Annotated[list[int], Of(_available)]


SEGMENT_RANGE = Resource(
    singular="network_segment_range",
    plural="network_segment_ranges",
    answer=SegmentRangeShown,
    create=SegmentRangeCreate,
    update=SegmentRangeUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "default": flag("default"),
        "shared": flag("shared"),
        "network_type": equal("kind", KINDS),
        "physical_network": equal("physical_network"),
        "minimum": number("minimum"),
        "maximum": number("maximum"),
    },
    sort_keys={
        **STANDARD_SORT_KEYS,
        "name": "name",
        "network_type": "kind",
        "physical_network": "physical_network",
        "minimum": "minimum",
        "maximum": "maximum",
    },
)
