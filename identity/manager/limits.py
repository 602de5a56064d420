"""Limits of projects and domains, kept for the services that ask for them.

They are records: what this cloud's own services hold a project to is in ``identity/quotas.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from cloudweb.exceptions import Conflict
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import LimitNotFound, NoSuchReference
from identity.ids import undashed
from identity.manager.writing import change, insert
from identity.models import Domain, Limit, Project, RegisteredLimit

#: How limits of a tree of projects relate; the flat model holds each project to its own alone.
MODEL = {
    "name": "flat",
    "description": "Each project and domain has its own limit; those above or below do not count.",
}


@dataclass(frozen=True, slots=True)
class WantedLimit:
    """A limit as a client describes it."""

    service_id: str
    region_id: str | None
    resource_name: str
    resource_limit: int
    project_id: str | None
    domain_id: str | None
    description: str


class LimitManager(Manager):
    """The limits that differ from what is registered."""

    @policy("identity:limit_model:get")
    def model(self) -> dict[str, str]:
        """Return the model that limits follow."""
        return MODEL

    @policy("identity:limits:list")
    def list(self) -> QuerySet[Limit]:
        """Return every limit, or those of the caller's domain with its projects, or of his project."""
        rows = Limit.objects.select_related("registered_limit")
        context = self.context
        if context.reads_all:
            return rows
        if context.domain_id is not None and "reader" in context.roles:
            own = context.domain_id
            return rows.filter(Q(domain_id=own) | Q(project__domain_id=own))
        return rows.filter(project_id=context.project_id) if context.project_id else rows.none()

    @policy("identity:limits:get")
    def get(self, limit_id: str) -> Limit:
        """Return a limit that the caller sees; raise LimitNotFound."""
        row = self.list().filter(pk=undashed(limit_id)).first()
        if row is None:
            raise LimitNotFound(limit_id)
        return row

    @policy("identity:limits:create")
    def create(self, wanted: Iterable[WantedLimit]) -> Sequence[Limit]:
        """Set all of these limits or none; raise Conflict, NoSuchReference."""
        with transaction.atomic():
            return tuple(self._insert(one) for one in wanted)

    def _insert(self, wanted: WantedLimit) -> Limit:
        registered = RegisteredLimit.objects.filter(
            service_id=wanted.service_id,
            region_id=wanted.region_id,
            resource_name=wanted.resource_name,
        ).first()
        if registered is None:
            raise NoSuchReference(
                f"No limit is registered for {wanted.resource_name} of service {wanted.service_id}."
            )
        row = Limit(
            registered_limit=registered,
            project=_project(wanted.project_id),
            domain=_domain(wanted.domain_id),
            resource_limit=wanted.resource_limit,
            description=wanted.description,
        )
        insert(row, taken=Conflict(f"There is a limit for {wanted.resource_name} already."))
        return row

    @policy("identity:limits:update")
    def update(
        self, limit_id: str, *, resource_limit: int | None = None, description: str | None = None
    ) -> Limit:
        """Change a limit or its description; raise LimitNotFound."""
        row = self.get(limit_id)
        given = {"resource_limit": resource_limit, "description": description}
        changes = {name: value for name, value in given.items() if value is not None}
        change(row, changes, taken=Conflict("There is such a limit already."))
        return row

    @policy("identity:limits:delete")
    def delete(self, limit_id: str) -> None:
        """Remove a limit: what is registered holds again."""
        self.get(limit_id).delete()


def _project(project_id: str | None) -> Project | None:
    if project_id is None:
        return None
    project = Project.objects.filter(pk=undashed(project_id)).first()
    if project is None:
        raise NoSuchReference(f"Could not find project: {project_id}.")
    return project


def _domain(domain_id: str | None) -> Domain | None:
    if domain_id is None:
        return None
    domain = Domain.objects.filter(pk=domain_id).first()
    if domain is None:
        raise NoSuchReference(f"Could not find domain: {domain_id}.")
    return domain
