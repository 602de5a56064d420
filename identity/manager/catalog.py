"""The catalog: which services answer where."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.exceptions import Conflict, Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import EndpointNotFound, RegionNotFound, ServiceNotFound
from identity.manager.writing import change, insert
from identity.models import Endpoint, Region, Service


class CatalogManager(Manager):
    """Regions, services and their endpoints."""

    @policy("identity:auth_catalog:get")
    def of_token(self) -> QuerySet[Service]:
        """Return the services a scoped token may use, their endpoints fetched with them."""
        context = self.context
        if not (context.project_id or context.domain_id or context.system_scope):
            raise Forbidden("A scoped token is required to see the catalog.")
        return usable_services()

    @policy("identity:services:list")
    def list_services(self) -> QuerySet[Service]:
        """Return every service."""
        return Service.objects.all()

    @policy("identity:services:get")
    def get_service(self, service_id: str) -> Service:
        """Return a service; raise ServiceNotFound."""
        service = Service.objects.filter(pk=service_id).first()
        if service is None:
            raise ServiceNotFound(service_id)
        return service

    @policy("identity:services:create")
    def ensure_service(self, *, type: str, name: str) -> Service:
        """Return the service of this type and name, recorded if it is new."""
        with transaction.atomic():
            locked(Region.objects.all()).first()  # one at a time: the pair has no constraint
            return Service.objects.get_or_create(type=type, name=name)[0]

    @policy("identity:endpoints:list")
    def list_endpoints(self) -> QuerySet[Endpoint]:
        """Return every endpoint."""
        return Endpoint.objects.all()

    @policy("identity:endpoints:get")
    def get_endpoint(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint; raise EndpointNotFound."""
        endpoint = Endpoint.objects.filter(pk=endpoint_id).first()
        if endpoint is None:
            raise EndpointNotFound(endpoint_id)
        return endpoint

    @policy("identity:endpoints:create")
    def create_endpoint(
        self, *, service: Service, region: Region | None, interface: str, url: str
    ) -> Endpoint:
        """Record where a service answers; ``{base}`` in the URL stands for the cloud's own address."""
        endpoint = Endpoint(service=service, region=region, interface=interface, url=url)
        taken = Conflict(f"The service has an endpoint '{interface}' in this region already.")
        insert(endpoint, taken=taken)
        return endpoint

    @policy("identity:endpoints:update")
    def update_endpoint(self, /, endpoint_id: str, **changes: Any) -> Endpoint:
        """Change an endpoint."""
        endpoint = self.get_endpoint(endpoint_id)
        change(endpoint, changes, taken=Conflict("There is such an endpoint already."))
        return endpoint

    @policy("identity:regions:list")
    def list_regions(self) -> QuerySet[Region]:
        """Return every region."""
        return Region.objects.all()

    @policy("identity:regions:get")
    def get_region(self, region_id: str) -> Region:
        """Return a region; raise RegionNotFound."""
        region = Region.objects.filter(pk=region_id).first()
        if region is None:
            raise RegionNotFound(region_id)
        return region

    @policy("identity:regions:create")
    def create_region(self, region_id: str, *, description: str = "") -> Region:
        """Record a region."""
        region = Region(id=region_id, description=description)
        insert(region, taken=Conflict(f"The region {region_id} exists already."))
        return region


def usable_services() -> QuerySet[Service]:
    """Return enabled services that have an enabled endpoint, with endpoints prefetched."""
    return (
        Service.objects.filter(enabled=True, endpoints__enabled=True)
        .distinct()
        .prefetch_related("endpoints")
        .order_by("type", "id")
    )
