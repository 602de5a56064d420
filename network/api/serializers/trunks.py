"""Trunks on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Text
from cloudweb.api.filters import equal, flag, identifier
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import FROM_TEXT, Change, Creation, Id, StandardShown
from network.models import Trunk

Vlan = Annotated[int, Field(ge=1, le=4094), FROM_TEXT]


class SubportSaid(Body):
    """A port, and by which VLAN the trunk shall carry it: one said, or that of the port's network."""

    port_id: UUID
    segmentation_type: Literal["vlan", "inherit"] = "vlan"
    segmentation_id: Vlan | None = None

    @model_validator(mode="after")
    def _has_a_number(self) -> SubportSaid:
        if (self.segmentation_type == "vlan") is (self.segmentation_id is None):
            raise ValueError("It needs 'segmentation_id', unless 'segmentation_type' is inherit")
        return self


class SubportNamed(Body):
    """A port that the trunk has; what else clients say of it is known."""

    port_id: UUID
    segmentation_type: Text | None = None
    segmentation_id: Vlan | None = None


Subports = Annotated[tuple[SubportSaid, ...], Field(max_length=256)]


class SubportsAdded(Body):
    """PUT …/add_subports."""

    sub_ports: Annotated[Subports, Field(min_length=1)]

    def said(self) -> dict[str, Any]:
        """Return them as plain mappings."""
        return {"sub_ports": [one.model_dump() for one in self.sub_ports]}


class SubportsRemoved(Body):
    """PUT …/remove_subports."""

    sub_ports: Annotated[tuple[SubportNamed, ...], Field(min_length=1, max_length=256)]


class TrunkCreate(Creation):
    """POST /trunks."""

    port_id: UUID
    name: Text = ""
    admin_state_up: LooseBool = True
    sub_ports: Subports = ()

    def said(self) -> dict[str, Any]:
        """Return what the client said, subports as plain mappings."""
        return {**super().said(), "sub_ports": [one.model_dump() for one in self.sub_ports]}


class TrunkUpdate(Change):
    """PUT /trunks/{id}; subports come and go by words of their own."""

    name: Text = ""
    admin_state_up: LooseBool = True


class SubportShown(Answer):
    """A port that the trunk carries."""

    port_id: str
    segmentation_type: str
    segmentation_id: int


class SubportsShown(Answer):
    """All that it carries."""

    sub_ports: list[SubportShown]


def subports_of(trunk: Trunk) -> list[dict[str, Any]]:
    """Return a trunk's subports as they are shown."""
    return [
        {
            "port_id": str(one.port_id),
            "segmentation_type": "vlan",
            "segmentation_id": one.segmentation_id,
        }
        for one in trunk.subports.all()
    ]


class TrunkShown(StandardShown):
    """A trunk."""

    name: str
    port_id: Id
    admin_state_up: bool
    status: str
    sub_ports: Annotated[list[SubportShown], Of(subports_of)]


TRUNK = Resource(
    singular="trunk",
    plural="trunks",
    answer=TrunkShown,
    create=TrunkCreate,
    update=TrunkUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "port_id": identifier("port_id"),
        "admin_state_up": flag("admin_state_up"),
        "status": equal("status"),
    },
    sort_keys={
        **STANDARD_SORT_KEYS,
        "name": "name",
        "port_id": "port_id",
        "admin_state_up": "admin_state_up",
        "status": "status",
    },
)
