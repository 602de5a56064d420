"""Projects: what owns resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb import events
from cloudweb.database.locks import locked
from cloudweb.exceptions import Forbidden, InvalidInput
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import quotas, revocations
from identity.exceptions import (
    DuplicateName,
    Immutable,
    NoSuchReference,
    ProjectInUse,
    ProjectNotFound,
    UserNotFound,
)
from identity.ids import undashed
from identity.manager.writing import change, insert, refuse_moves
from identity.models import Domain, Project, User
from identity.querysets import effective_roles, usable_projects
from identity.scopes import Place

DEEPEST = 5


class ProjectManager(Manager):
    """Projects and their tree."""

    @policy("identity:projects:list")
    def list(self) -> QuerySet[Project]:
        """Return every project."""
        return Project.objects.all()

    @policy("identity:projects:get")
    def get(self, project_id: str) -> Project:
        """Return a project; anyone but an operator sees those he has a role on.

        Raises ProjectNotFound.
        """
        project_id = undashed(project_id)
        project = Project.objects.filter(pk=project_id).first()
        if project is None or not (self.context.is_admin or self._is_mine(project)):
            raise ProjectNotFound(project_id)
        return project

    def _is_mine(self, project: Project) -> bool:
        if project.pk == self.context.project_id:
            return True
        if self.context.domain_id == project.domain_id:
            return True
        return bool(effective_roles(str(self.context.user_id), Place(project=project)))

    @policy("identity:user_projects:list")
    def list_of_user(self, user_id: str) -> QuerySet[Project]:
        """Return the projects a user may scope to: one's own, or anyone's for an operator."""
        is_own = user_id == self.context.user_id
        visible = is_own or (self.context.is_admin and User.objects.filter(pk=user_id).exists())
        if not visible:
            raise UserNotFound(user_id)
        return usable_projects(user_id)

    @policy("identity:projects:create")
    def create(
        self,
        *,
        name: str,
        domain_id: str,
        parent_id: str | None = None,
        description: str = "",
        enabled: bool = True,
        immutable: bool = False,
        tags: tuple[str, ...] = (),
        extra: dict[str, Any] | None = None,
    ) -> Project:
        """Record a project; raise DuplicateName, or NoSuchReference for its domain or parent.

        Emits ``project.created`` with the id.
        """
        parent = self._parent(parent_id, domain_id)
        if not Domain.objects.filter(pk=domain_id).exists():
            raise NoSuchReference(f"Could not find domain: {domain_id}.")
        project = Project(
            name=name,
            domain_id=domain_id,
            parent=parent,
            description=description,
            enabled=enabled,
            immutable=immutable,
            tags=sorted(set(tags)),
            extra=extra or {},
        )
        with transaction.atomic():
            taken = DuplicateName(kind="project", name=name, domain_id=domain_id)
            insert(project, taken=taken)
            events.emit("project.created", project_id=project.pk)
        return project

    def _parent(self, parent_id: str | None, domain_id: str) -> Project | None:
        if parent_id is None or parent_id == domain_id:
            return None
        parent = Project.objects.filter(pk=undashed(parent_id), domain_id=domain_id).first()
        if parent is None:
            raise NoSuchReference(f"Could not find project {parent_id} in domain {domain_id}.")
        depth, above = 2, parent.parent
        while above is not None:
            depth, above = depth + 1, above.parent
        if depth > DEEPEST:
            raise Forbidden(f"Projects may be nested {DEEPEST} deep at most.")
        return parent

    @policy("identity:projects:update")
    def update(
        self, /, project_id: str, *, fixed: Mapping[str, Any] | None = None, **changes: Any
    ) -> Project:
        """Change a project; disabling it voids its tokens at once.

        ``extra`` is merged: a null removes a key; ``fixed`` attributes must be what they are.
        Raises ProjectNotFound, DuplicateName, Immutable, InvalidInput.
        """
        project = self.get(project_id)
        refuse_moves(project, _as_stored(project, fixed or {}))
        if project.immutable and not (changes.keys() == {"immutable"}):
            raise Immutable("project", project.pk)
        if "extra" in changes:
            changes["extra"] = merged(project.extra, changes["extra"])
        if "tags" in changes:
            changes["tags"] = sorted(set(changes["tags"]))
        with transaction.atomic():
            taken = DuplicateName(
                kind="project", name=changes.get("name", ""), domain_id=project.domain_id
            )
            if "enabled" in change(project, changes, taken=taken) and not project.enabled:
                revocations.revoke(project_id=project.pk)
        return project

    @policy("identity:projects:delete")
    def delete(self, project_id: str) -> None:
        """Remove an empty project, with its assignments and quotas.

        Apps above say what it still holds: they subscribe to ``project.deleting`` and add to its
        ``holdings`` (plural noun -> count). Raises ProjectNotFound, ProjectInUse, Immutable. Emits
        ``project.deleted`` with the id.
        """
        project = self.get(project_id)
        if project.immutable:
            raise Immutable("project", project.pk)
        with transaction.atomic():
            locked(Project.objects.filter(pk=project.pk)).first()
            holdings: dict[str, int] = {}
            children = project.children.count()
            if children:
                holdings["projects"] = children
            events.emit("project.deleting", project_id=project.pk, holdings=holdings)
            held = {noun: count for noun, count in holdings.items() if count}
            if held:
                raise ProjectInUse(held)
            events.emit("project.deleted", project_id=project.pk)
            quotas.forget(project.pk)
            key = project.pk
            project.delete()
            revocations.revoke(project_id=key)


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return invented attributes after a PATCH: null removes, anything else replaces."""
    return {name: value for name, value in {**old, **new}.items() if value is not None}


def _as_stored(project: Project, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a client says about a project's place in the words of its row."""
    stored = dict(fixed)
    if stored.pop("is_domain", None):
        raise InvalidInput(field="is_domain", value=True, reason="It cannot be changed.")
    if stored.get("parent_id", "") == project.domain_id:
        stored["parent_id"] = None
    return stored
