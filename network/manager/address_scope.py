"""Address scopes: where each address means one thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import check, policy
from network import quota, sharing
from network.exceptions.pools import AddressScopeInUse, AddressScopeNotFound
from network.manager.standard import Identifier, StandardManager
from network.models import AddressScope


class AddressScopeManager(StandardManager[AddressScope]):
    """Scopes of the caller's project, and those that are shared with it."""

    model = AddressScope
    missing = AddressScopeNotFound

    @policy("network:address_scopes:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[AddressScope]:
        """Return own and shared scopes."""
        return self._page(listing)

    @policy("network:address_scopes:get")
    def get(self, scope_id: Identifier) -> AddressScope:
        """Return a scope; raise AddressScopeNotFound."""
        return self._get(scope_id)

    @policy("network:address_scopes:create")
    def create(
        self,
        *,
        ip_version: int,
        name: str = "",
        description: str = "",
        shared: bool = False,
        project_id: str | None = None,
    ) -> AddressScope:
        """Make a scope without pools."""
        if shared:
            check(self.context, "network:address_scopes:set_shared")
        scope = AddressScope(
            project_id=self._project(project_id),
            name=name,
            description=description,
            ip_version=ip_version,
        )
        with transaction.atomic():
            quota.reserve(scope.project_id, "address_scope")
            scope.save(force_insert=True)
            if shared:
                sharing.share_with_all("address_scope", scope, project_id=scope.project_id)
        return self._get(scope.id)

    @policy("network:address_scopes:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[AddressScope]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:address_scopes:update")
    def update(
        self,
        scope_id: Identifier,
        *,
        if_revision: int | None = None,
        shared: bool | None = None,
        name: str | None = None,
        description: str | None = None,
    ) -> AddressScope:
        """Rename or describe a scope, or share it with all; raise RbacPolicyInUse."""
        scope = self._writable(scope_id, "network:address_scopes:update")
        with transaction.atomic():
            if shared is False:
                sharing.alone(scope.id)
            scope = self._changing(scope, if_revision)
            if shared is not None:
                check(self.context, "network:address_scopes:set_shared")
                sharing.set_shared_with_all("address_scope", scope, shared=shared)
            scope.name = scope.name if name is None else name
            scope.description = scope.description if description is None else description
            scope.save(update_fields=["name", "description"])
        return self._get(scope.id)

    @policy("network:address_scopes:delete")
    def delete(self, scope_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a scope; raise AddressScopeInUse while it has pools."""
        scope = self._writable(scope_id, "network:address_scopes:delete")
        try:
            with transaction.atomic():
                scope = self._changing(scope, if_revision)
                sharing.forget(scope.id)
                scope.delete()
        except (ProtectedError, IntegrityError) as error:
            raise AddressScopeInUse(scope.id) from error
