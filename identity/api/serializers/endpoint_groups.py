"""Endpoint groups on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import model_validator

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Name
from cloudweb.api.resource import Resource
from identity.api.filters import named
from identity.api.serializers.attributes import SelfLink, Written, own_links
from identity.api.serializers.catalog import RegionId
from identity.api.serializers.projects import Description, Id
from identity.models import Endpoint


class Filters(Body):
    """What the endpoints of a group have in common."""

    service_id: Id | None = None
    region_id: RegionId | None = None
    interface: Endpoint.Interface | None = None

    @model_validator(mode="after")
    def _something(self) -> Filters:
        if not self.stored():
            raise ValueError("It names at least one of service_id, region_id and interface")
        return self

    def stored(self) -> dict[str, str]:
        """Return what is asked of endpoints."""
        return self.model_dump(mode="json", exclude_none=True)


class EndpointGroupUpdate(Written):
    """PATCH /OS-EP-FILTER/endpoint_groups/{id}; a null name or filter leaves it as it is."""

    name: Name | None = None
    description: Description | None = None
    filters: Filters | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said, filters as they are stored."""
        said = {name: value for name, value in super().said().items() if value is not None}
        if "filters" in said:
            said["filters"] = said["filters"].stored()
        return said


class EndpointGroupCreate(EndpointGroupUpdate):
    """POST /OS-EP-FILTER/endpoint_groups."""

    name: Name
    filters: Filters


class EndpointGroupShown(Answer):
    """Endpoints of one service, region or interface."""

    id: str
    name: str
    description: str
    filters: dict[str, str]
    links: Annotated[SelfLink, own_links("OS-EP-FILTER/endpoint_groups")]


class EndpointGroupAssociation(Answer):
    """That a project has an endpoint group."""

    endpoint_group_id: str
    project_id: str
    links: SelfLink


ENDPOINT_GROUP = Resource(
    singular="endpoint_group",
    plural="endpoint_groups",
    answer=EndpointGroupShown,
    create=EndpointGroupCreate,
    update=EndpointGroupUpdate,
    filters=named(),
)
