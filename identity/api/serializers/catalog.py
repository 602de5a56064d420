"""The catalog on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from cloudweb.api.mounts import base_url
from identity.api.serializers.links import self_link
from identity.models import Endpoint, Region, Service


def catalog_body(
    request: HttpRequest, services: Iterable[Service], *, project_id: str
) -> list[dict[str, Any]]:
    """Return the catalog of a token: services with their endpoints, URLs filled in.

    A token without a project (``""``) does not see endpoints that need one.
    """
    found = [
        {
            "id": service.pk,
            "type": service.type,
            "name": service.name,
            "endpoints": [
                {
                    "id": endpoint.pk,
                    "interface": endpoint.interface,
                    "region": endpoint.region_id,
                    "region_id": endpoint.region_id,
                    "url": filled_in(request, endpoint.url, project_id=project_id),
                }
                for endpoint in sorted(service.endpoints.all(), key=lambda one: one.interface)
                if endpoint.enabled and (project_id or "{project_id}" not in endpoint.url)
            ],
        }
        for service in services
    ]
    return [service for service in found if service["endpoints"]]


def filled_in(request: HttpRequest, template: str, *, project_id: str | None = None) -> str:
    """Return an endpoint's URL for this client; without a project its place holder stays."""
    url = template.replace("{base}", base_url(request))
    return url if project_id is None else url.replace("{project_id}", project_id)


def service_body(request: HttpRequest, service: Service) -> dict[str, Any]:
    """Return one service."""
    return {
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
        "url": filled_in(request, endpoint.url),
        "enabled": endpoint.enabled,
        "links": self_link(request, f"endpoints/{endpoint.pk}"),
    }


def region_body(request: HttpRequest, region: Region) -> dict[str, Any]:
    """Return one region."""
    return {
        "id": region.pk,
        "description": region.description,
        "parent_region_id": None,
        "links": self_link(request, f"regions/{region.pk}"),
    }
