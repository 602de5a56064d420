"""Assignments: who has which role where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import revocations
from identity.exceptions import GrantNotFound, ProjectNotFound, RoleNotFound, UserNotFound
from identity.ids import undashed
from identity.models import Assignment, Project, Role, User
from identity.querysets import implied_closure


@dataclass(frozen=True, slots=True)
class Effective:
    """One role a user has on a project; ``prior`` is the granted role that implies it, if any."""

    user: User
    project: Project
    role: Role
    prior: Role | None = None


class AssignmentManager(Manager):
    """Roles of users on projects."""

    @policy("identity:grants:create")
    def grant(self, *, user_id: str, project_id: str, role_id: str) -> Assignment:
        """Give a user a role on a project; nothing happens if he has it."""
        user, project, role = self._named(user_id, project_id, role_id)
        return Assignment.objects.get_or_create(user=user, project=project, role=role)[0]

    @policy("identity:grants:check")
    def check(self, *, user_id: str, project_id: str, role_id: str) -> None:
        """Raise GrantNotFound unless the user was given this role on the project."""
        user, project, role = self._named(user_id, project_id, role_id)
        if not Assignment.objects.filter(user=user, project=project, role=role).exists():
            raise GrantNotFound

    @policy("identity:grants:list")
    def roles_of(self, *, user_id: str, project_id: str) -> QuerySet[Role]:
        """Return the roles a user was given on a project, without implied ones."""
        user, project = self._user(user_id), self._project(project_id)
        return Role.objects.filter(assignments__user=user, assignments__project=project)

    @policy("identity:grants:revoke")
    def withdraw(self, *, user_id: str, project_id: str, role_id: str) -> None:
        """Take a role away, which voids the user's tokens for that project at once."""
        user, project, role = self._named(user_id, project_id, role_id)
        with transaction.atomic():
            rows = Assignment.objects.filter(user=user, project=project, role=role)
            removed, _ = rows.delete()
            if not removed:
                raise GrantNotFound
            revocations.revoke(user_id=user.pk, project_id=project.pk)

    @policy("identity:role_assignments:list")
    def list(
        self,
        *,
        user_id: str | None = None,
        project_id: str | None = None,
        role_id: str | None = None,
        include_subtree: bool = False,
        effective: bool = False,
    ) -> Sequence[Effective]:
        """Return assignments; ``effective`` adds a line for each implied role.

        ``include_subtree`` adds those on the project's descendants.
        """
        rows = Assignment.objects.select_related(
            "user__domain", "project__domain", "role"
        ).order_by("project__name", "user__name", "role__name", "pk")
        if user_id is not None:
            rows = rows.filter(user_id=undashed(user_id))
        if project_id is not None:
            wanted = {undashed(project_id)}
            rows = rows.filter(
                project_id__in=_with_descendants(wanted) if include_subtree else wanted
            )
        if effective:
            found = self._expanded(rows)
            return [one for one in found if role_id is None or one.role.pk == role_id]
        if role_id is not None:
            rows = rows.filter(role_id=role_id)
        return [Effective(row.user, row.project, row.role) for row in rows]

    def _expanded(self, rows: QuerySet[Assignment]) -> Sequence[Effective]:
        roles = {role.pk: role for role in Role.objects.all()}
        closure = implied_closure(roles)
        found = []
        for row in rows:
            found.append(Effective(row.user, row.project, row.role))
            found += [
                Effective(row.user, row.project, roles[implied], prior=row.role)
                for implied in sorted(closure[row.role_id] - {row.role_id})
            ]
        return found

    def _named(self, user_id: str, project_id: str, role_id: str) -> tuple[User, Project, Role]:
        role = Role.objects.filter(pk=role_id).first()
        if role is None:
            raise RoleNotFound(role_id)
        return self._user(user_id), self._project(project_id), role

    def _user(self, user_id: str) -> User:
        user = User.objects.filter(pk=undashed(user_id)).first()
        if user is None:
            raise UserNotFound(user_id)
        return user

    def _project(self, project_id: str) -> Project:
        project = Project.objects.filter(pk=undashed(project_id)).first()
        if project is None:
            raise ProjectNotFound(project_id)
        return project


def _with_descendants(project_ids: set[str]) -> set[str]:
    reached: set[str] = set()
    frontier = project_ids
    while frontier:
        reached |= frontier
        children = Project.objects.filter(parent_id__in=frontier).values_list("pk", flat=True)
        frontier = set(children) - reached
    return reached
