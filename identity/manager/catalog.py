"""The catalog: which services answer where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, Conflict, Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import endpoint_urls
from identity.exceptions import (
    CatalogInUse,
    EndpointNotFound,
    NoSuchReference,
    RegionNotFound,
    ServiceNotFound,
)
from identity.ids import new_id, undashed
from identity.manager.endpoint_filters import Offer, offers_to
from identity.manager.projects import merged
from identity.manager.writing import change, insert
from identity.models import Endpoint, Region, Service


class CatalogManager(Manager):
    """Regions, services and their endpoints."""

    @policy("identity:auth_catalog:get")
    def of_token(self) -> Sequence[Offer]:
        """Return the services a scoped token may use, with their endpoints."""
        context = self.context
        if not (context.project_id or context.domain_id or context.system_scope):
            raise Forbidden("A scoped token is required to see the catalog.")
        return offers_to(context.project_id or "")

    @policy("identity:services:list")
    def list_services(self) -> QuerySet[Service]:
        """Return every service."""
        return Service.objects.all()

    @policy("identity:services:get")
    def get_service(self, service_id: str) -> Service:
        """Return a service; raise ServiceNotFound."""
        service = Service.objects.filter(pk=undashed(service_id)).first()
        if service is None:
            raise ServiceNotFound(service_id)
        return service

    @policy("identity:services:create")
    def create_service(self, /, *, type: str, name: str = "", **attributes: Any) -> Service:
        """Record a service; several may have one type and name."""
        return Service.objects.create(type=type, name=name, **attributes)

    @policy("identity:services:create")
    def ensure_service(self, *, type: str, name: str) -> Service:
        """Return the service of this type and name, recorded if it is new."""
        with transaction.atomic():
            locked(Region.objects.all()).first()  # one at a time: the pair has no constraint
            return Service.objects.get_or_create(type=type, name=name)[0]

    @policy("identity:services:update")
    def update_service(self, /, service_id: str, **changes: Any) -> Service:
        """Change a service; a disabled one is in nobody's catalog. ``extra`` is merged."""
        service = self.get_service(service_id)
        if "extra" in changes:
            changes["extra"] = merged(service.extra, changes["extra"])
        change(service, changes, taken=Conflict("There is such a service already."))
        return service

    @policy("identity:services:delete")
    def delete_service(self, service_id: str) -> None:
        """Remove a service with its endpoints; raise CatalogInUse while limits are registered."""
        service = self.get_service(service_id)
        with transaction.atomic():
            if service.limits.exists():
                raise CatalogInUse(kind="service", given=service.pk, users="registered limits")
            service.delete()

    @policy("identity:endpoints:list")
    def list_endpoints(self) -> QuerySet[Endpoint]:
        """Return every endpoint."""
        return Endpoint.objects.all()

    @policy("identity:endpoints:get")
    def get_endpoint(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint; raise EndpointNotFound."""
        endpoint = Endpoint.objects.filter(pk=undashed(endpoint_id)).first()
        if endpoint is None:
            raise EndpointNotFound(endpoint_id)
        return endpoint

    @policy("identity:endpoints:create")
    def create_endpoint(
        self,
        /,
        *,
        service_id: str,
        interface: str,
        url: str,
        region_id: str | None = None,
        region_name: str | None = None,
        **attributes: Any,
    ) -> Endpoint:
        """Record where a service answers; place holders in the URL: ``identity.endpoint_urls``.

        A region's name makes the region where there is none; an id must exist. Several may have one
        service, interface and region. Raises NoSuchReference, InvalidInput.
        """
        endpoint_urls.check(url)
        with transaction.atomic():
            return Endpoint.objects.create(
                service_id=self._existing_service(service_id),
                region_id=self._existing_region(region_id, region_name),
                interface=interface,
                url=url,
                **attributes,
            )

    @policy("identity:endpoints:create")
    def ensure_endpoint(
        self, *, service_id: str, region_id: str, interface: str, url: str
    ) -> Endpoint:
        """Return an endpoint of this service, region and interface, recorded if there is none."""
        with transaction.atomic():
            locked(Region.objects.all()).first()  # one at a time: there may be several
            rows = Endpoint.objects.filter(
                service_id=service_id, region_id=region_id, interface=interface
            )
            return rows.order_by("created_at").first() or self.create_endpoint(
                service_id=service_id, region_id=region_id, interface=interface, url=url
            )

    def _existing_service(self, service_id: str) -> str:
        if not Service.objects.filter(pk=undashed(service_id)).exists():
            raise NoSuchReference(f"Could not find service: {service_id}.")
        return undashed(service_id)

    def _existing_region(self, region_id: str | None, region_name: str | None) -> str | None:
        if region_id is not None:
            if not Region.objects.filter(pk=region_id).exists():
                raise NoSuchReference(f"Could not find region: {region_id}.")
            return region_id
        if region_name is not None:
            Region.objects.get_or_create(pk=region_name)
        return region_name

    @policy("identity:endpoints:update")
    def update_endpoint(self, /, endpoint_id: str, **changes: Any) -> Endpoint:
        """Change an endpoint; a disabled one is in nobody's catalog. Raises as ``create`` does."""
        endpoint = self.get_endpoint(endpoint_id)
        if "url" in changes:
            endpoint_urls.check(changes["url"])
        with transaction.atomic():
            if "service_id" in changes:
                changes["service_id"] = self._existing_service(changes["service_id"])
            if {"region_id", "region_name"} & changes.keys():
                named = changes.pop("region_name", None)
                changes["region_id"] = self._existing_region(changes.get("region_id"), named)
            change(endpoint, changes, taken=Conflict("There is such an endpoint already."))
        return endpoint

    @policy("identity:endpoints:delete")
    def delete_endpoint(self, endpoint_id: str) -> None:
        """Remove an endpoint; raise EndpointNotFound."""
        self.get_endpoint(endpoint_id).delete()

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
    def create_region(
        self,
        /,
        region_id: str | None = None,
        *,
        description: str = "",
        parent_id: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Region:
        """Record a region under its id, drawn if none is given; raise NoSuchReference (its parent)."""
        parent_id = self._existing_region(parent_id, None)
        region = Region(
            id=region_id or new_id(),
            description=description,
            parent_id=parent_id,
            extra=extra or {},
        )
        insert(region, taken=Conflict(f"The region {region.pk} exists already."))
        return region

    @policy("identity:regions:update")
    def update_region(self, /, region_id: str, **changes: Any) -> Region:
        """Change a region; raise NoSuchReference, and BadRequest for one within itself."""
        region = self.get_region(region_id)
        if "extra" in changes:
            changes["extra"] = merged(region.extra, changes["extra"])
        with transaction.atomic():
            if "parent_id" in changes:
                tuple(locked(Region.objects.order_by("pk")).values_list("pk"))
                self._check_parent(region, self._existing_region(changes["parent_id"], None))
            change(region, changes, taken=Conflict("There is such a region already."))
        return region

    def _check_parent(self, region: Region, parent_id: str | None) -> None:
        above = parent_id
        while above is not None:
            if above == region.pk:
                raise BadRequest(f"The region {region.pk} cannot lie within itself.")
            above = self.get_region(above).parent_id

    @policy("identity:regions:delete")
    def delete_region(self, region_id: str) -> None:
        """Remove a region; raise CatalogInUse while anything lies in it."""
        region = self.get_region(region_id)
        with transaction.atomic():
            locked(Region.objects.filter(pk=region.pk)).first()
            for users in ("endpoints", "children", "limits"):
                if getattr(region, users).exists():
                    noun = {"children": "regions within it"}.get(users, users)
                    raise CatalogInUse(kind="region", given=region.pk, users=noun)
            region.delete()
