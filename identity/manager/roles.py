"""Roles and what they imply."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import DuplicateName, Immutable, RoleNotFound
from identity.manager.writing import change, insert
from identity.models import Assignment, Implication, Role
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
        with transaction.atomic():
            taken = DuplicateName(kind="role", name=changes.get("name", role.name))
            if "name" in change(role, changes, taken=taken):
                self._revoke_holders(role)
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
        """Let one role contain another."""
        Implication.objects.get_or_create(prior=self.get(prior_id), implied=self.get(implied_id))

    def _revoke_holders(self, role: Role) -> None:
        every = Role.objects.values_list("pk", flat=True)
        containing = [prior for prior, held in implied_closure(every).items() if role.pk in held]
        holders = Assignment.objects.filter(role_id__in=containing)
        for user_id, project_id in holders.values_list("user_id", "project_id").distinct():
            revocations.revoke(user_id=user_id, project_id=project_id)
