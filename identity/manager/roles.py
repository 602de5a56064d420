"""Roles and what they imply."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.exceptions import Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import DuplicateName, Immutable, RoleNotFound
from identity.manager.writing import change, insert
from identity.models import Implication, Role
from identity.querysets import implied_closure


class RoleManager(Manager):
    """Named sets of rights."""

    @policy("identity:roles:list")
    def list(self) -> QuerySet[Role]:
        """Return every role."""
        return Role.objects.all()

    @policy("identity:roles:get")
    def get(self, role_id: str) -> Role:
        """Return a role; raise RoleNotFound."""
        role = Role.objects.filter(pk=role_id).first()
        if role is None:
            raise RoleNotFound(role_id)
        return role

    @policy("identity:roles:create")
    def create(self, *, name: str, description: str = "", immutable: bool = False) -> Role:
        """Record a role; raise DuplicateName."""
        role = Role(name=name, description=description, immutable=immutable)
        insert(role, taken=DuplicateName(kind="role", name=name))
        return role

    @policy("identity:roles:update")
    def update(self, /, role_id: str, **changes: Any) -> Role:
        """Change a role; a new name voids the tokens that carry the old one."""
        role = self.get(role_id)
        if role.immutable and not (changes.keys() == {"immutable"}):
            raise Immutable("role", role.pk)
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

    @policy("identity:implied_roles:create")
    def imply(self, prior_id: str, implied_id: str) -> None:
        """Let one role contain another; raise Forbidden for admin: it is only ever given as such."""
        prior, implied = self.get(prior_id), self.get(implied_id)
        if implied.name == "admin" and implied.domain_id is None:
            raise Forbidden("No role may imply admin.")
        Implication.objects.get_or_create(prior=prior, implied=implied)

    def _revoke_holders(self, role: Role) -> None:
        """Void the tokens that carry a role, or for a domain's own one what it implies."""
        held = implied_closure([role.pk])[role.pk]
        for name in Role.objects.filter(pk__in=held, domain=None).values_list("name", flat=True):
            revocations.revoke(role=name)
