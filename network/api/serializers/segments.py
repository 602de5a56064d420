"""Segments on the wire: the rows are those of their networks."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.fields import Text
from cloudweb.api.filters import equal, identifier, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.serializers.attributes import Change, Id, Maybe, Moment, Selectable
from network.api.serializers.networks import KINDS


class SegmentUpdate(Change):
    """PUT /segments/{id}."""

    name: Text = ""


class SegmentShown(Selectable):
    """What a network is made of."""

    id: Id
    network_id: Annotated[Id, Of("id")]
    name: Annotated[Maybe, Of("segment_name")]
    description: Annotated[Maybe, Of("segment_description")]
    network_type: Annotated[str, Of("strategy.network_type")]
    physical_network: Maybe
    segmentation_id: int | None
    created_at: Moment
    updated_at: Moment
    revision_number: Annotated[int, Of("revision")]


SEGMENT = Resource(
    singular="segment",
    plural="segments",
    answer=SegmentShown,
    update=SegmentUpdate,
    filters={
        "id": identifier("id"),
        "network_id": identifier("id"),
        "name": equal("segment_name"),
        "description": equal("segment_description"),
        "network_type": equal("kind", KINDS),
        "physical_network": equal("physical_network"),
        "segmentation_id": number("segmentation_id"),
        "revision_number": number("revision"),
    },
    sort_keys={
        "id": "id",
        "network_id": "id",
        "name": "segment_name",
        "network_type": "kind",
        "physical_network": "physical_network",
        "created_at": "created_at",
        "updated_at": "updated_at",
    },
)
