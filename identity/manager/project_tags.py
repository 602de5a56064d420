"""Tags of projects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction

from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import Immutable, ProjectNotFound, TagNotFound
from identity.ids import undashed
from identity.manager.domains import DomainManager
from identity.manager.projects import ProjectManager
from identity.models import Domain, Project
from identity.reach import manages

MOST = 80


class ProjectTagManager(Manager):
    """Words that operators put on projects to find them again."""

    @policy("identity:project_tags:list")
    def list(self, project_id: str) -> Sequence[str]:
        """Return the tags of a project that the caller sees; raise ProjectNotFound."""
        return tuple(self._seen(project_id).tags)

    @policy("identity:project_tags:get")
    def check(self, project_id: str, *, tag: str) -> None:
        """Raise TagNotFound unless the project has this tag."""
        if tag not in self._seen(project_id).tags:
            raise TagNotFound

    def _seen(self, project_id: str) -> Project | Domain:
        try:
            return ProjectManager(self.context).get(project_id)
        except ProjectNotFound:
            domain = DomainManager(self.context).find_acting(project_id)
            if domain is None:
                raise
            return domain

    @policy("identity:project_tags:update")
    def replace(self, project_id: str, *, tags: Iterable[str]) -> Sequence[str]:
        """Set all tags; return them."""
        with transaction.atomic():
            return self._written(self._locked(project_id), set(tags))

    @policy("identity:project_tags:create")
    def add(self, project_id: str, *, tag: str) -> None:
        """Put a tag on a project; nothing happens if it is there."""
        with transaction.atomic():
            project = self._locked(project_id)
            self._written(project, {*project.tags, tag})

    @policy("identity:project_tags:delete")
    def remove(self, project_id: str, *, tag: str) -> None:
        """Take a tag away; raise TagNotFound."""
        with transaction.atomic():
            project = self._locked(project_id)
            if tag not in project.tags:
                raise TagNotFound
            self._written(project, {*project.tags} - {tag})

    def _locked(self, project_id: str) -> Project | Domain:
        """Return the project, or for operators the domain that acts as one."""
        project_id = undashed(project_id)
        found: Project | Domain | None = locked(Project.objects.filter(pk=project_id)).first()
        if found is None and self.context.is_admin:
            found = locked(Domain.objects.filter(pk=project_id)).first()
        if found is None or not manages(self.context, _domain_id(found)):
            raise ProjectNotFound(project_id)
        if found.immutable:
            raise Immutable("project", found.pk)
        return found

    def _written(self, project: Project | Domain, tags: set[str]) -> Sequence[str]:
        if len(tags) > MOST:
            raise BadRequest(f"A project has {MOST} tags at most.")
        project.tags = sorted(tags)
        project.save(update_fields=["tags"])
        return tuple(project.tags)


def _domain_id(found: Project | Domain) -> str:
    return found.domain_id if isinstance(found, Project) else found.pk
