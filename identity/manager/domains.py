"""Domains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.exceptions import Conflict, Forbidden, InvalidInput
from cloudweb.holdings import holdings_of
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import DomainInUse, DomainNotFound, DuplicateName, Immutable
from identity.ids import undashed
from identity.manager.projects import merged, remove
from identity.manager.writing import change, insert
from identity.models import DEFAULT_DOMAIN_ID, Domain, Group, Project, User
from identity.querysets import in_reach

#: Where a project is that acts as a domain: nothing is above it.
ACTING: Mapping[str, Any] = {"domain_id": None, "parent_id": None, "is_domain": True}


class DomainManager(Manager):
    """Name spaces of users and projects."""

    @policy("identity:domains:list")
    def list(self) -> QuerySet[Domain]:
        """Return every domain, or a domain's reader his own."""
        return in_reach(self.context, Domain.objects.all(), field="pk")

    @policy("identity:domains:get")
    def get(self, domain_id: str) -> Domain:
        """Return a domain; whoever does not read all sees his own only. Raises DomainNotFound."""
        context = self.context
        own = (context.user_domain_id, context.project_domain_id, context.domain_id)
        domain = Domain.objects.filter(pk=domain_id).first()
        if domain is None or not (context.reads_all or domain.pk in own):
            raise DomainNotFound(domain_id)
        return domain

    @policy("identity:projects:get")
    def find_acting(self, project_id: str) -> Domain | None:
        """Return the domain that this id means as a project, if the caller may see it."""
        domain_id = undashed(project_id)
        if not Domain.objects.filter(pk=domain_id).exists():
            return None
        with suppress(DomainNotFound):
            return self.get(domain_id)
        return None

    @policy("identity:projects:list")
    def list_acting(self) -> QuerySet[Domain]:
        """Return the domains as projects that act as such: those that ``list`` returns."""
        return self.list()

    @policy("identity:domains:create")
    def create(self, /, *, name: str, domain_id: str | None = None, **attributes: Any) -> Domain:
        """Record a domain; raise DuplicateName, and Conflict for the id of a domain or project."""
        domain = Domain(name=name, **attributes)
        domain.tags = sorted(set(domain.tags))
        if domain_id is not None:
            domain.pk = domain_id
            if Project.objects.filter(pk=domain_id).exists():  # a domain is a project, too
                raise Conflict(f"There is a project with the id {domain_id} already.")
        insert(domain, taken=DuplicateName(kind="domain", name=name))
        return domain

    @policy("identity:domains:update")
    def update(
        self, /, domain_id: str, *, fixed: Mapping[str, Any] | None = None, **changes: Any
    ) -> Domain:
        """Change a domain; disabling it voids the tokens of its users and projects at once.

        ``extra`` is merged: a null removes a key; ``fixed`` is what a project that acts as a domain
        cannot change. Raises DomainNotFound, DuplicateName, Immutable, InvalidInput.
        """
        domain = self.get(domain_id)
        for name, value in (fixed or {}).items():
            if value != ACTING[name]:
                raise InvalidInput(field=name, value=value, reason="It cannot be changed.")
        if domain.immutable and changes.keys() != {"immutable"}:
            raise Immutable("domain", domain.pk)
        if "extra" in changes:
            changes["extra"] = merged(domain.extra, changes["extra"])
        if "tags" in changes:
            changes["tags"] = sorted(set(changes["tags"]))
        with transaction.atomic():
            taken = DuplicateName(kind="domain", name=changes.get("name", domain.name))
            if "enabled" in change(domain, changes, taken=taken) and not domain.enabled:
                revocations.revoke(within_domain_id=domain.pk)
        return domain

    @policy("identity:domains:delete")
    def delete(self, domain_id: str) -> None:
        """Remove a disabled domain with its users, groups, roles and empty projects.

        Raises DomainNotFound, Forbidden while it is enabled, Immutable, and DomainInUse with what
        its projects still hold; nothing is removed then.
        """
        domain = self.get(domain_id)
        if domain.immutable:
            raise Immutable("domain", domain.pk)
        if domain.pk == DEFAULT_DOMAIN_ID:
            raise Forbidden("The default domain is part of the cloud.")
        with transaction.atomic():
            domain = locked(Domain.objects.filter(pk=domain.pk)).get()
            if domain.enabled:
                raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")
            projects = _leaves_first(Project.objects.filter(domain=domain))
            self._refuse_held(domain, projects)
            for project in projects:
                remove(project)
            self._remove_people(domain)
            key = domain.pk
            domain.delete()
            revocations.revoke(within_domain_id=key)

    def _refuse_held(self, domain: Domain, projects: Sequence[Project]) -> None:
        held: dict[str, int] = {"identity providers": domain.providers.count()}
        for project in projects:
            for noun, count in holdings_of("project", project.pk).items():
                held[noun] = held.get(noun, 0) + count
        if found := {noun: count for noun, count in held.items() if count}:
            raise DomainInUse(found)

    def _remove_people(self, domain: Domain) -> None:
        users = User.objects.filter(domain=domain)
        users.delete()
        Group.objects.filter(domain=domain).delete()


def _leaves_first(projects: Iterable[Project]) -> list[Project]:
    """Return the projects of one domain, each after those below it."""
    below: dict[str | None, list[Project]] = {}
    for project in projects:
        below.setdefault(project.parent_id, []).append(project)
    ordered: list[Project] = []
    frontier = below.get(None, [])
    while frontier:
        ordered = frontier + ordered
        frontier = [child for one in frontier for child in below.get(one.pk, [])]
    return ordered
