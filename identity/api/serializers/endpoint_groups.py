"""Endpoint groups on the wire."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from pydantic import model_validator

from cloudweb.api.fields import Body, Name
from identity.api.serializers.catalog import RegionId
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import Description, Id
from identity.models import Endpoint, EndpointGroup


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


class EndpointGroupCreate(Body):
    """POST /OS-EP-FILTER/endpoint_groups."""

    name: Name
    description: Description | None = None
    filters: Filters


class EndpointGroupUpdate(Body):
    """PATCH /OS-EP-FILTER/endpoint_groups/{id}; a null name or filter leaves it as it is."""

    name: Name | None = None
    description: Description | None = None
    filters: Filters | None = None


def endpoint_group_body(request: HttpRequest, group: EndpointGroup) -> dict[str, Any]:
    """Return one endpoint group."""
    return {
        "id": group.pk,
        "name": group.name,
        "description": group.description,
        "filters": group.filters,
        "links": self_link(request, f"OS-EP-FILTER/endpoint_groups/{group.pk}"),
    }


def association_body(request: HttpRequest, group_id: str, project_id: str) -> dict[str, Any]:
    """Return that a project has an endpoint group."""
    path = f"OS-EP-FILTER/endpoint_groups/{group_id}/projects/{project_id}"
    return {
        "endpoint_group_id": group_id,
        "project_id": project_id,
        "links": self_link(request, path),
    }
