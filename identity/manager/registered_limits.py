"""Registered limits: the resources of services that limits are kept for, with their defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.exceptions import Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import CatalogInUse, NoSuchReference, RegisteredLimitNotFound
from identity.ids import undashed
from identity.manager.writing import change, insert
from identity.models import Region, RegisteredLimit, Service

TAKEN = "There is a registered limit of this service, region and resource already."


class RegisteredLimitManager(Manager):
    """What services register; everyone may read it."""

    @policy("identity:registered_limits:list")
    def list(self) -> QuerySet[RegisteredLimit]:
        """Return every registered limit."""
        return RegisteredLimit.objects.all()

    @policy("identity:registered_limits:get")
    def get(self, limit_id: str) -> RegisteredLimit:
        """Return a registered limit; raise RegisteredLimitNotFound."""
        row = RegisteredLimit.objects.filter(pk=undashed(limit_id)).first()
        if row is None:
            raise RegisteredLimitNotFound(limit_id)
        return row

    @policy("identity:registered_limits:create")
    def create(self, wanted: Iterable[Mapping[str, Any]]) -> Sequence[RegisteredLimit]:
        """Register all of these or none; raise Conflict, NoSuchReference."""
        with transaction.atomic():
            return tuple(self._insert(one) for one in wanted)

    def _insert(self, wanted: Mapping[str, Any]) -> RegisteredLimit:
        _check_references(wanted)
        row = RegisteredLimit(**wanted)
        insert(row, taken=Conflict(TAKEN))
        return row

    @policy("identity:registered_limits:update")
    def update(self, /, limit_id: str, **changes: Any) -> RegisteredLimit:
        """Change it; one that limits rest upon keeps its service, region and resource."""
        row = self.get(limit_id)
        _check_references(changes)
        with transaction.atomic():
            changed = change(row, changes, taken=Conflict(TAKEN))
            if changed & {"service_id", "region_id", "resource_name"}:
                _refuse_used(row)
        return row

    @policy("identity:registered_limits:delete")
    def delete(self, limit_id: str) -> None:
        """Remove it; raise CatalogInUse while limits rest upon it."""
        row = self.get(limit_id)
        with transaction.atomic():
            _refuse_used(row)
            row.delete()


def _refuse_used(row: RegisteredLimit) -> None:
    if row.limits.exists():
        raise CatalogInUse(kind="registered limit", given=row.pk, users="limits")


def _check_references(wanted: Mapping[str, Any]) -> None:
    service_id, region_id = wanted.get("service_id"), wanted.get("region_id")
    if service_id is not None and not Service.objects.filter(pk=service_id).exists():
        raise NoSuchReference(f"Could not find service: {service_id}.")
    if region_id is not None and not Region.objects.filter(pk=region_id).exists():
        raise NoSuchReference(f"Could not find region: {region_id}.")
