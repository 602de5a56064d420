"""The services of the catalog."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.exceptions import Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import CatalogInUse, ServiceNotFound
from identity.ids import undashed
from identity.manager.projects import merged
from identity.manager.writing import change
from identity.models import Region, Service


class CatalogServiceManager(Manager):
    """The APIs of the cloud, those the software brings and those operators add."""

    @policy("identity:services:list")
    def list(self) -> QuerySet[Service]:
        """Return every service."""
        return Service.objects.all()

    @policy("identity:services:get")
    def get(self, service_id: str) -> Service:
        """Return a service; raise ServiceNotFound."""
        service = Service.objects.filter(pk=undashed(service_id)).first()
        if service is None:
            raise ServiceNotFound(service_id)
        return service

    @policy("identity:services:create")
    def create(self, /, *, type: str, name: str = "", **attributes: Any) -> Service:
        """Record a service; several may have one type and name."""
        return Service.objects.create(type=type, name=name, **attributes)

    @policy("identity:services:create")
    def ensure(self, *, type: str, name: str) -> Service:
        """Return the service of this type and name, recorded if it is new."""
        with transaction.atomic():
            locked(Region.objects.all()).first()  # one at a time: the pair has no constraint
            return Service.objects.get_or_create(type=type, name=name)[0]

    @policy("identity:services:update")
    def update(self, /, service_id: str, **changes: Any) -> Service:
        """Change a service; a disabled one is in nobody's catalog. ``extra`` is merged."""
        service = self.get(service_id)
        if "extra" in changes:
            changes["extra"] = merged(service.extra, changes["extra"])
        change(service, changes, taken=Conflict("There is such a service already."))
        return service

    @policy("identity:services:delete")
    def delete(self, service_id: str) -> None:
        """Remove a service with its endpoints; raise CatalogInUse while limits are registered."""
        service = self.get(service_id)
        with transaction.atomic():
            if service.limits.exists():
                raise CatalogInUse(kind="service", given=service.pk, users="registered limits")
            service.delete()
