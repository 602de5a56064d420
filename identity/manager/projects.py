"""Projects: what owns resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from cloudweb.events import emit
from cloudweb.exceptions import Forbidden, InvalidInput
from cloudweb.holdings import holdings_of
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import quotas, revocations
from identity.events import ProjectDeleted
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
from identity.models import DEFAULT_DOMAIN_ID, Domain, Project, User
from identity.querysets import (
    ancestors,
    descendants,
    effective_roles,
    in_reach,
    usable_projects,
)
from identity.reach import manages, reads
from identity.scopes import Place

DEEPEST = 5


class ProjectManager(Manager):
    """Projects and their tree."""

    @policy("identity:projects:list")
    def list(self) -> QuerySet[Project]:
        """Return every project, or for a domain's reader those of his domain."""
        return in_reach(self.context, Project.objects.all())

    @policy("identity:projects:get")
    def get(self, project_id: str) -> Project:
        """Return a project; whoever does not read its domain sees those he has a role on.

        Raises ProjectNotFound.
        """
        project_id = undashed(project_id)
        project = Project.objects.filter(pk=project_id).first()
        if project is None or not (
            reads(self.context, project.domain_id) or self._is_mine(project)
        ):
            raise ProjectNotFound(project_id)
        return project

    def _is_mine(self, project: Project) -> bool:
        if project.pk == self.context.project_id:
            return True
        return bool(effective_roles(str(self.context.user_id), Place(project=project)))

    def _managed(self, project_id: str) -> Project:
        """Return a project of a domain the caller manages; any other does not exist for him."""
        project = Project.objects.filter(pk=undashed(project_id)).first()
        if project is None or not manages(self.context, project.domain_id):
            raise ProjectNotFound(project_id)
        return project

    @policy("identity:projects:get")
    def parents(self, project: Project) -> Sequence[Project]:
        """Return the projects above one that the caller may see, nearest first."""
        above = ancestors(project)
        rows = {one.pk: one for one in self._seen(project).filter(pk__in=above)}
        return [rows[pk] for pk in above if pk in rows]

    @policy("identity:projects:get")
    def subtree(self, project: Project) -> Sequence[Project]:
        """Return the projects below one that the caller may see."""
        below = descendants({project.pk}) - {project.pk}
        return tuple(self._seen(project).filter(pk__in=below).order_by("name", "pk"))

    def _seen(self, project: Project) -> QuerySet[Project]:
        if reads(self.context, project.domain_id):
            return Project.objects.all()
        return usable_projects(str(self.context.user_id))

    @policy("identity:user_projects:list")
    def list_of_user(self, user_id: str) -> QuerySet[Project]:
        """Return the projects a user may scope to: one's own, or anyone's one may read."""
        user_id = undashed(user_id)
        if user_id == self.context.user_id:
            return usable_projects(user_id)
        user = User.objects.filter(pk=user_id).first()
        if user is None or not reads(self.context, user.domain_id):
            raise UserNotFound(user_id)
        return usable_projects(user_id)

    @policy("identity:projects:create")
    def create(
        self,
        *,
        name: str,
        domain_id: str | None = None,
        parent_id: str | None = None,
        description: str = "",
        enabled: bool = True,
        immutable: bool = False,
        tags: tuple[str, ...] = (),
        extra: dict[str, Any] | None = None,
    ) -> Project:
        """Record a project, unless said otherwise in its parent's domain or the caller's.

        Raises DuplicateName, Forbidden for another domain, NoSuchReference for domain or parent.
        """
        domain_id = domain_id or self._home(parent_id)
        if not manages(self.context, domain_id):
            raise Forbidden("Projects can be created in one's own domain only.")
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
        return project

    def _home(self, parent_id: str | None) -> str:
        """Return the domain of a new project that names none; a parent may be a domain."""
        if parent_id is not None:
            parent = Project.objects.filter(pk=undashed(parent_id)).first()
            return parent.domain_id if parent else parent_id
        context = self.context
        own = context.domain_id or context.project_domain_id or context.user_domain_id
        return own or DEFAULT_DOMAIN_ID

    def _parent(self, parent_id: str | None, domain_id: str) -> Project | None:
        if parent_id is None or parent_id == domain_id:
            return None
        parent = Project.objects.filter(pk=undashed(parent_id), domain_id=domain_id).first()
        if parent is None:
            raise NoSuchReference(f"Could not find project {parent_id} in domain {domain_id}.")
        if len(ancestors(parent)) + 2 > DEEPEST:
            raise Forbidden(f"Projects may be nested {DEEPEST} deep at most.")
        if not parent.enabled:
            raise Forbidden(f"The project {parent.pk} is disabled: nothing is created below it.")
        return parent

    @policy("identity:projects:update")
    def update(
        self, /, project_id: str, *, fixed: Mapping[str, Any] | None = None, **changes: Any
    ) -> Project:
        """Change a project; disabling it voids its tokens at once.

        ``extra`` is merged: a null removes a key; ``fixed`` attributes must be what they are.
        A project is only disabled after those below it, and enabled after those above it. Raises
        ProjectNotFound, DuplicateName, Immutable, InvalidInput, Forbidden.
        """
        project = self._managed(project_id)
        refuse_moves(project, _as_stored(project, fixed or {}))
        if project.immutable and not (changes.keys() == {"immutable"}):
            raise Immutable("project", project.pk)
        if "extra" in changes:
            changes["extra"] = merged(project.extra, changes["extra"])
        if "tags" in changes:
            changes["tags"] = sorted(set(changes["tags"]))
        with transaction.atomic():
            self._check_tree(project, enabled=changes.get("enabled"))
            taken = DuplicateName(
                kind="project", name=changes.get("name", ""), domain_id=project.domain_id
            )
            if "enabled" in change(project, changes, taken=taken) and not project.enabled:
                revocations.revoke(project_id=project.pk)
        return project

    def _check_tree(self, project: Project, *, enabled: bool | None) -> None:
        """Raise Forbidden where a project would be enabled below a disabled one."""
        if enabled is None or enabled == project.enabled:
            return
        if not enabled:
            below = descendants({project.pk}) - {project.pk}
            if Project.objects.filter(pk__in=below, enabled=True).exists():
                raise Forbidden(
                    f"Cannot disable project {project.pk} since its subtree contains enabled projects."
                )
        elif Project.objects.filter(pk__in=ancestors(project), enabled=False).exists():
            raise Forbidden(f"Cannot enable project {project.pk} since it has disabled parents.")

    @policy("identity:projects:delete")
    def delete(self, project_id: str) -> None:
        """Remove an empty project, with its assignments and quotas.

        Raises ProjectNotFound, ProjectInUse, Immutable.
        """
        project = self._managed(project_id)
        if project.immutable:
            raise Immutable("project", project.pk)
        with transaction.atomic():
            locked(Project.objects.filter(pk=project.pk)).first()
            held = holdings_of("project", project.pk)
            if children := project.children.count():
                held["projects"] = children
            if held:
                raise ProjectInUse(held)
            key = project.pk
            remove(project)
            revocations.revoke(project_id=key)


def remove(project: Project) -> None:
    """Remove a project that owns nothing; what others kept by its id goes, too."""
    emit(ProjectDeleted(project.pk))
    quotas.forget(project.pk)
    project.delete()


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
