"""The catalog on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StringConstraints

from cloudweb.api.answers import OpenAnswer
from cloudweb.api.fields import LooseBool, Name, Text
from cloudweb.api.links import base_url
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of, Scene, Seen
from cloudweb.names import no_control_characters, not_blank
from identity.api.filters import exactly, named, unless_empty
from identity.api.serializers.attributes import OpenBody, SelfLink, Written, own_links
from identity.api.serializers.projects import Description, Id
from identity.endpoint_urls import filled_in, needs_project
from identity.manager.endpoint_filters import Offer
from identity.models import Endpoint


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

    TEXTS = OpenBody.TEXTS | {"name"}

    type: Name
    name: Text | None = None
    description: Description | None = None
    enabled: LooseBool = True


class ServiceUpdate(ServiceCreate):
    """PATCH /services/{id}."""

    type: Name = ""


Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
RegionId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[^/]+$"),
    AfterValidator(no_control_characters),
    AfterValidator(not_blank),
]


class _EndpointWritten(Written):
    """``region`` is the older word for ``region_id`` and may name a new one; null is none.

    ``enabled`` is a boolean and no word for one, as Keystone has it here.
    """

    TEXTS = Written.TEXTS | {"name"}
    model_config = ConfigDict(populate_by_name=False)

    region_id: RegionId | None = None
    region_name: RegionId | None = Field(default=None, alias="region")
    name: Text | None = None
    description: Description | None = None
    enabled: StrictBool = True

    def said(self) -> dict[str, Any]:
        """Return what the client said but for a region that is none."""
        said = super().said()
        return said if self.region_name else {k: v for k, v in said.items() if k != "region_name"}


class EndpointCreate(_EndpointWritten):
    """POST /endpoints."""

    service_id: Id
    interface: Endpoint.Interface
    url: Url


class EndpointUpdate(_EndpointWritten):
    """PATCH /endpoints/{id}."""

    service_id: Id = ""
    interface: Endpoint.Interface = Endpoint.Interface.PUBLIC
    url: Url = ""


class RegionUpdate(OpenBody):
    """PATCH /regions/{id}."""

    model_config = ConfigDict(populate_by_name=False)

    description: Description | None = None
    parent_id: RegionId | None = Field(default=None, alias="parent_region_id")


class RegionCreate(RegionUpdate):
    """POST /regions and PUT /regions/{id}."""

    region_id: RegionId | None = Field(default=None, alias="id")


class ServiceShown(OpenAnswer):
    """An API of the cloud."""

    INVENTED = "extra"

    id: str
    type: str
    name: str
    description: str
    enabled: bool
    links: Annotated[SelfLink, own_links("services")]


def _url(endpoint: Endpoint, scene: Scene) -> str:
    return filled_in(endpoint.url, base=scene.base)


class EndpointShown(OpenAnswer):
    """Where a service answers."""

    id: str
    service_id: str
    interface: str
    region: Annotated[str | None, Of("region_id")]
    region_id: str | None
    url: Annotated[str, Seen(_url)]
    name: str
    description: str
    enabled: bool
    links: Annotated[SelfLink, own_links("endpoints")]


class RegionShown(OpenAnswer):
    """A place."""

    INVENTED = "extra"

    id: str
    description: str
    parent_region_id: Annotated[str | None, Of("parent_id")]
    links: Annotated[SelfLink, own_links("regions")]


SERVICE = Resource(
    singular="service",
    plural="services",
    answer=ServiceShown,
    create=ServiceCreate,
    update=ServiceUpdate,
    filters={"type": exactly("type"), **named()},
)
ENDPOINT = Resource(
    singular="endpoint",
    plural="endpoints",
    answer=EndpointShown,
    create=EndpointCreate,
    update=EndpointUpdate,
    filters={
        "service_id": exactly("service_id"),
        "interface": exactly("interface"),
        "region_id": exactly("region_id"),
    },
)
REGION = Resource(
    singular="region",
    plural="regions",
    answer=RegionShown,
    create=RegionCreate,
    update=RegionUpdate,
    filters={"parent_region_id": unless_empty("parent_id")},
    refers=True,
)
