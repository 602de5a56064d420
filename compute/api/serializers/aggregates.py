"""Aggregates on the wire; the zone is a key of the metadata too."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as PydanticField
from pydantic import RootModel, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Name
from cloudweb.api.shown import Always, Form, Of
from cloudweb.microversions.compute import since
from cloudweb.times import micros
from compute.manager.aggregates import ZONE
from compute.models import Aggregate

Zone = Annotated[Name, StringConstraints(pattern=r"^[^:/]*$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Value = Annotated[str, StringConstraints(max_length=255)]


class AggregateCreate(Body):
    """The ``aggregate`` of POST /os-aggregates."""

    name: Name
    availability_zone: Zone | None = None


class AggregateUpdate(Body):
    """The ``aggregate`` of PUT /os-aggregates/{id}."""

    name: Name | None = None
    availability_zone: Zone | None = None


class HostNamed(Body):
    """The host that comes or goes."""

    host: Name


class Metadata(Body):
    """Keys with values; null removes one."""

    metadata: dict[Key, Value | None]


class HostAdded(Body):
    """A host comes."""

    add_host: HostNamed


class HostRemoved(Body):
    """A host goes."""

    remove_host: HostNamed


class MetadataSet(Body):
    """Keys change."""

    set_metadata: Metadata


class AggregateAction(RootModel[HostAdded | HostRemoved | MetadataSet]):
    """The body of POST /os-aggregates/{id}/action: exactly one key."""


def _metadata(row: Aggregate) -> dict[str, str]:
    return {**row.metadata, **({ZONE: row.zone} if row.zone else {})}


class AggregateMade(Answer):
    """A new aggregate, which has neither hosts nor metadata."""

    id: int
    uuid: Annotated[str, Form(str), since(41)]
    name: str
    availability_zone: Annotated[str | None, Of(lambda row: row.zone or None)]
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str | None, Form(micros)]
    deleted: Annotated[Literal[False], Always(False)]
    deleted_at: Annotated[None, Always(None)]


class AggregateShown(AggregateMade):
    """An aggregate."""

    hosts: Annotated[list[str], Of(lambda row: sorted(host.name for host in row.hosts.all()))]
    metadata: Annotated[dict[str, str], Of(_metadata)] = PydanticField(
        description="With its zone, if it has one."
    )
