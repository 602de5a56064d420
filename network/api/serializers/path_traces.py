"""Path traces on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, IpAddress
from cloudweb.api.shown import Of
from cloudweb.times import seconds_z
from network.api.resource import FOR_OPERATORS
from network.api.serializers.attributes import FROM_TEXT
from network.manager.path_trace import End
from network.protocols import PROTOCOLS


def _protocol(value: Any) -> Any:
    """Read a protocol's name or number."""
    if isinstance(value, str):
        if value.lower() in PROTOCOLS:
            return PROTOCOLS[value.lower()]
        if value.isascii() and value.isdigit() and len(value) < 4:
            return int(value)
        raise ValueError("It must be the name or number of a protocol")
    return value


Protocol = Annotated[int, Field(strict=True, ge=0, le=255), BeforeValidator(_protocol)]
PortNumber = Annotated[int, Field(strict=True, ge=1, le=65535), FROM_TEXT]


class PathTraceCreate(Body):
    """POST /path-traces. Without a source of ours it comes from outside."""

    source_port_id: UUID | None = None
    source_server_id: UUID | None = None
    source_address: IpAddress | None = None
    destination_port_id: UUID | None = None
    destination_server_id: UUID | None = None
    destination_address: IpAddress | None = None
    protocol: Protocol = 6
    port: PortNumber | None = None

    @model_validator(mode="after")
    def _one_version(self) -> Self:
        ends = [one for one in (self.source_address, self.destination_address) if one]
        if len({":" in one for one in ends}) > 1:
            raise ValueError("source_address and destination_address are of different IP versions")
        return self

    def said(self) -> dict[str, Any]:
        """Return what the client asked, as the manager takes it."""
        return {
            "source": End(
                port_id=self.source_port_id,
                server_id=self.source_server_id,
                address=self.source_address or "",
            ),
            "destination": End(
                port_id=self.destination_port_id,
                server_id=self.destination_server_id,
                address=self.destination_address or "",
            ),
            "protocol": self.protocol,
            "port": self.port,
        }


class HopShown(Answer):
    """A place on the way: ``passes`` null means that nobody here can tell.

    ``source`` is intended, reported (by the host of itself, at ``observed_at``) or observed (asked just now).
    """

    kind: str
    passes: bool | None
    text: str
    remedy: str
    resource_type: Annotated[str | None, Of(lambda hop: hop.thing or None)]
    resource_id: Annotated[str | None, Of(lambda hop: hop.id or None)]
    resource_name: Annotated[str | None, Of(lambda hop: hop.name or None)]
    source: str
    observed_at: Annotated[str | None, Of(lambda hop: hop.at and seconds_z(hop.at))]
    host: Annotated[str, FOR_OPERATORS] = ""
    detail: Annotated[str, FOR_OPERATORS] = ""


class PathTraceShown(Answer):
    """Where a packet got: ``verdict`` is reaches, stopped or unknown; ``stopped_at`` counts hops from 0."""

    verdict: str
    stopped_at: int | None
    source_address: str
    destination_address: str
    protocol: int
    port: int | None
    hops: list[HopShown]
