"""The catalog on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import quote

from django.http import HttpRequest
from pydantic import AfterValidator, StrictBool, StringConstraints

from cloudweb.api.fields import Body, LooseBool, Name, Text
from cloudweb.api.links import base_url
from cloudweb.names import no_control_characters, not_blank
from identity.api.serializers.attributes import OpenBody, invented
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import READ_ONLY, Description, Id
from identity.endpoint_urls import filled_in, needs_project
from identity.manager.endpoint_filters import Offer
from identity.models import Endpoint, Region, Service


def catalog_body(
    request: HttpRequest, offers: Iterable[Offer], *, project_id: str
) -> list[dict[str, Any]]:
    """Return the catalog of a token: services with their endpoints, URLs filled in.

    A token without a project (``""``) does not see endpoints that need one. A service of which
    nothing is left to see is there all the same, with no endpoints, as clients of Keystone know it.
    """
    return [
        {
            "id": offer.service.pk,
            "type": offer.service.type,
            "name": offer.service.name,
            "endpoints": [
                {
                    "id": endpoint.pk,
                    "interface": endpoint.interface,
                    "region": endpoint.region_id,
                    "region_id": endpoint.region_id,
                    "url": filled_in(endpoint.url, base=base_url(request), project_id=project_id),
                }
                for endpoint in offer.endpoints
                if endpoint.enabled and (project_id or not needs_project(endpoint.url))
            ],
        }
        for offer in offers
    ]


class ServiceCreate(OpenBody):
    """POST /services."""

    type: Name
    name: Text | None = None
    description: Description | None = None
    enabled: LooseBool = True


class ServiceUpdate(OpenBody):
    """PATCH /services/{id}."""

    type: Name = ""
    name: Text | None = None
    description: Description | None = None
    enabled: LooseBool = True


Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
RegionId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[^/]+$"),
    AfterValidator(no_control_characters),
    AfterValidator(not_blank),
]


class EndpointCreate(Body):
    """POST /endpoints; ``region`` is the older word for ``region_id`` and may name a new one.

    ``enabled`` is a boolean and no word for one, as Keystone has it here.
    """

    service_id: Id
    interface: Endpoint.Interface
    url: Url
    region_id: RegionId | None = None
    region: RegionId | None = None
    name: Text | None = None
    description: Description | None = None
    enabled: StrictBool = True


class EndpointUpdate(Body):
    """PATCH /endpoints/{id}."""

    service_id: Id = ""
    interface: Endpoint.Interface = Endpoint.Interface.PUBLIC
    url: Url = ""
    region_id: RegionId | None = None
    region: RegionId | None = None
    name: Text | None = None
    description: Description | None = None
    enabled: StrictBool = True


class RegionCreate(OpenBody):
    """POST /regions and PUT /regions/{id}."""

    id: RegionId | None = None
    description: Description | None = None
    parent_region_id: RegionId | None = None


class RegionUpdate(OpenBody):
    """PATCH /regions/{id}."""

    description: Description | None = None
    parent_region_id: RegionId | None = None


def extra_of(body: OpenBody) -> dict[str, Any]:
    """Return the attributes the client invented."""
    return invented(body, reserved=READ_ONLY)


def service_body(request: HttpRequest, service: Service) -> dict[str, Any]:
    """Return one service."""
    return {
        **service.extra,
        "id": service.pk,
        "type": service.type,
        "name": service.name,
        "description": service.description,
        "enabled": service.enabled,
        "links": self_link(request, f"services/{service.pk}"),
    }


def endpoint_body(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    """Return one endpoint."""
    return {
        "id": endpoint.pk,
        "service_id": endpoint.service_id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": filled_in(endpoint.url, base=base_url(request)),
        "name": endpoint.name,
        "description": endpoint.description,
        "enabled": endpoint.enabled,
        "links": self_link(request, f"endpoints/{endpoint.pk}"),
    }


def region_body(request: HttpRequest, region: Region) -> dict[str, Any]:
    """Return one region."""
    return {
        **region.extra,
        "id": region.pk,
        "description": region.description,
        "parent_region_id": region.parent_id,
        "links": self_link(request, f"regions/{quote(region.pk)}"),
    }
