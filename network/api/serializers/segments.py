"""Segments on the wire: the rows are those of their networks."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Text
from cloudweb.api.filters import equal, identifier, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.serializers.attributes import Change, Creation, Id, Maybe, Moment, nothing_required
from network.api.serializers.networks import KINDS, NetworkType, SegmentationId


class SegmentCreate(Creation):
    """POST /segments; a network has the one it was made with."""

    UNUSED: ClassVar[frozenset[str]] = frozenset(
        {"name", "network_type", "physical_network", "segmentation_id"}
    )

    network_id: Annotated[str, Field(max_length=255)]
    name: Text = ""
    network_type: NetworkType = "local"
    physical_network: Annotated[str, Field(max_length=64)] = ""
    segmentation_id: SegmentationId | None = None


class SegmentUpdate(Change):
    """PUT /segments/{id}."""

    name: Text = ""


class SegmentShown(Answer):
    """What a network is made of."""

    model_config = ConfigDict(json_schema_extra=nothing_required)

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
    create=SegmentCreate,
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
    refers=True,
)
