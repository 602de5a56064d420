"""The endpoints of the catalog."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.exceptions import Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import endpoint_urls
from identity.exceptions import EndpointNotFound, NoSuchReference
from identity.ids import undashed
from identity.manager.regions import existing_region
from identity.manager.writing import change
from identity.models import Endpoint, Region, Service


class EndpointManager(Manager):
    """Where services answer."""

    @policy("identity:endpoints:list")
    def list(self) -> QuerySet[Endpoint]:
        """Return every endpoint."""
        return Endpoint.objects.all()

    @policy("identity:endpoints:get")
    def get(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint; raise EndpointNotFound."""
        endpoint = Endpoint.objects.filter(pk=undashed(endpoint_id)).first()
        if endpoint is None:
            raise EndpointNotFound(endpoint_id)
        return endpoint

    @policy("identity:endpoints:create")
    def create(
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
                service_id=_existing(service_id),
                region_id=existing_region(region_id, region_name),
                interface=interface,
                url=url,
                **attributes,
            )

    @policy("identity:endpoints:create")
    def ensure(self, *, service_id: str, region_id: str, interface: str, url: str) -> Endpoint:
        """Return an endpoint of this service, region and interface, recorded if there is none."""
        with transaction.atomic():
            locked(Region.objects.all()).first()  # one at a time: there may be several
            rows = Endpoint.objects.filter(
                service_id=service_id, region_id=region_id, interface=interface
            )
            return rows.order_by("created_at").first() or self.create(
                service_id=service_id, region_id=region_id, interface=interface, url=url
            )

    @policy("identity:endpoints:update")
    def update(self, /, endpoint_id: str, **changes: Any) -> Endpoint:
        """Change an endpoint; a disabled one is in nobody's catalog. Raises as ``create`` does."""
        endpoint = self.get(endpoint_id)
        if "url" in changes:
            endpoint_urls.check(changes["url"])
        with transaction.atomic():
            if "service_id" in changes:
                changes["service_id"] = _existing(changes["service_id"])
            if {"region_id", "region_name"} & changes.keys():
                named = changes.pop("region_name", None)
                changes["region_id"] = existing_region(changes.get("region_id"), named)
            change(endpoint, changes, taken=Conflict("There is such an endpoint already."))
        return endpoint

    @policy("identity:endpoints:delete")
    def delete(self, endpoint_id: str) -> None:
        """Remove an endpoint; raise EndpointNotFound."""
        self.get(endpoint_id).delete()


def _existing(service_id: str) -> str:
    if not Service.objects.filter(pk=undashed(service_id)).exists():
        raise NoSuchReference(f"Could not find service: {service_id}.")
    return undashed(service_id)
