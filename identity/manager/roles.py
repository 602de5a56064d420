"""Roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import DuplicateName, Immutable, NoSuchReference, RoleNotFound
from identity.ids import undashed
from identity.manager.projects import merged
from identity.manager.writing import change, insert, refuse_moves
from identity.models import Domain, Role
from identity.querysets import in_reach
from identity.reach import names_within, reads


class RoleManager(Manager):
    """Named sets of rights."""

    @policy("identity:roles:list")
    def list(self) -> QuerySet[Role]:
        """Return the roles of the whole cloud, and the own ones of the domains one may read."""
        own = in_reach(self.context, Role.objects.filter(domain__isnull=False))
        return Role.objects.filter(domain=None) | own

    @policy("identity:roles:get")
    def get(self, role_id: str) -> Role:
        """Return a role; raise RoleNotFound, also for one of another domain."""
        role = Role.objects.filter(pk=undashed(role_id)).first()
        if role is None or not (role.domain_id is None or reads(self.context, role.domain_id)):
            raise RoleNotFound(role_id)
        return role

    @policy("identity:roles:create")
    def create(
        self,
        *,
        name: str,
        domain_id: str | None = None,
        description: str = "",
        immutable: bool = False,
        extra: dict[str, Any] | None = None,
    ) -> Role:
        """Record a role, of one domain if one is named; raise DuplicateName, NoSuchReference."""
        if domain_id is not None and not Domain.objects.filter(pk=domain_id).exists():
            raise NoSuchReference(f"Could not find domain: {domain_id}.")
        role = Role(
            name=name,
            domain_id=domain_id,
            description=description,
            immutable=immutable,
            extra=extra or {},
        )
        insert(role, taken=DuplicateName(kind="role", name=name, domain_id=domain_id))
        return role

    @policy("identity:roles:update")
    def update(
        self, /, role_id: str, *, fixed: Mapping[str, Any] | None = None, **changes: Any
    ) -> Role:
        """Change a role; a new name voids the tokens that carry the old one. ``extra`` is merged.

        Raises RoleNotFound, DuplicateName, Immutable, and InvalidInput for another domain.
        """
        role = self.get(role_id)
        refuse_moves(role, fixed or {})
        if role.immutable and not (changes.keys() == {"immutable"}):
            raise Immutable("role", role.pk)
        if "extra" in changes:
            changes["extra"] = merged(role.extra, changes["extra"])
        old = role.name
        with transaction.atomic():
            taken = DuplicateName(kind="role", name=changes.get("name", role.name))
            if "name" in change(role, changes, taken=taken) and role.domain_id is None:
                revocations.revoke(role=old)
        return role

    @policy("identity:roles:delete")
    def delete(self, role_id: str) -> None:
        """Remove a role from the cloud and from everyone who has it."""
        role = self.get(role_id)
        if role.immutable:
            raise Immutable("role", role.pk)
        with transaction.atomic():
            self._revoke_holders(role)
            role.delete()

    def _revoke_holders(self, role: Role) -> None:
        """Void the tokens that carry a role, or for a domain's own one what it implies."""
        for name in sorted(names_within({role.pk})):
            revocations.revoke(role=name)
