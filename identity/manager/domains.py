"""Domains."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import DomainNotFound, DuplicateName
from identity.manager.writing import change, insert
from identity.models import Domain


class DomainManager(Manager):
    """Name spaces of users and projects."""

    @policy("identity:domains:list")
    def list(self) -> QuerySet[Domain]:
        """Return every domain."""
        return Domain.objects.all()

    @policy("identity:domains:get")
    def get(self, domain_id: str) -> Domain:
        """Return a domain; anyone but an operator sees his own only. Raises DomainNotFound."""
        own = (self.context.user_domain_id, self.context.project_domain_id)
        domain = Domain.objects.filter(pk=domain_id).first()
        if domain is None or not (self.context.is_admin or domain.pk in own):
            raise DomainNotFound(domain_id)
        return domain

    @policy("identity:domains:create")
    def create(self, *, name: str, domain_id: str | None = None, description: str = "") -> Domain:
        """Record a domain; raise DuplicateName."""
        domain = Domain(name=name, description=description)
        if domain_id is not None:
            domain.pk = domain_id
        insert(domain, taken=DuplicateName(kind="domain", name=name))
        return domain

    @policy("identity:domains:update")
    def update(self, /, domain_id: str, **changes: Any) -> Domain:
        """Change a domain; disabling it voids the tokens of its users and projects at once."""
        domain = self.get(domain_id)
        with transaction.atomic():
            taken = DuplicateName(kind="domain", name=changes.get("name", domain.name))
            if "enabled" in change(domain, changes, taken=taken) and not domain.enabled:
                revocations.revoke(within_domain_id=domain.pk)
        return domain
