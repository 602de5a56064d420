"""Members of a project, as its own manager sees to them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.audit import note
from cloudweb.exceptions import Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import MemberNotFound, RoleNotFound, UserNotFound
from identity.manager.effective import Asked, Effective, found_assignments
from identity.manager.voiding import void_grants
from identity.models import Assignment, Project, Role, User
from identity.reach import MANAGED, names_within


class MemberManager(Manager):
    """Who works on the caller's project, and the roles its manager gives: never more than his own."""

    @policy("identity:members:list")
    def list(self) -> QuerySet[Assignment]:
        """Return the roles that were given on the caller's project itself."""
        rows = Assignment.objects.filter(project_id=self.context.scoped_project_id)
        related = rows.select_related("user__domain", "group__domain", "role")
        return related.order_by("user__name", "group__name", "role__name")

    @policy("identity:members:list")
    def effective(self) -> Sequence[Effective]:
        """Return every role that counts there: by groups, inherited and implied ones too."""
        asked = Asked(project_id=self.context.scoped_project_id, effective=True)
        return found_assignments(type(self.context).system(), asked)

    @policy("identity:members:list")
    def roles(self) -> QuerySet[Role]:
        """Return the roles that a project's manager gives."""
        return Role.objects.filter(name__in=MANAGED, domain=None).order_by("name")

    @policy("identity:members:add")
    def add(self, *, user_name: str, role_name: str, domain_id: str | None = None) -> Assignment:
        """Give an existing user a role; nothing happens if he has it.

        He is of the project's domain unless another is named. Raises UserNotFound, RoleNotFound,
        Forbidden for a role beyond manager.
        """
        role = self._role(role_name)
        project = Project.objects.get(pk=self.context.scoped_project_id)
        user = User.objects.filter(name=user_name, domain_id=domain_id or project.domain_id).first()
        if user is None:
            raise UserNotFound(user_name)
        note(target_id=user.pk, target_name=f"{user.name}: {role.name}")
        return Assignment.objects.get_or_create(
            project=project, user=user, role=role, inherited=False
        )[0]

    @policy("identity:members:update")
    def change(self, user_id: str, *, role_name: str) -> Assignment:
        """Give a member this role in place of those that a project's manager gave him.

        Raises MemberNotFound, RoleNotFound, Forbidden for a role beyond manager.
        """
        role = self._role(role_name)
        with transaction.atomic():
            given = self._given(user_id)
            note(target_name=f"{given[0].user}: {role.name}")
            kept = Assignment.objects.get_or_create(
                project=given[0].project, user_id=user_id, role=role, inherited=False
            )[0]
            self._take([row for row in given if row.pk != kept.pk])
        return kept

    @policy("identity:members:remove")
    def dismiss(self, user_id: str) -> None:
        """Take every role from a user that a project's manager gives; raise MemberNotFound."""
        with transaction.atomic():
            given = self._given(user_id)
            note(target_name=str(given[0].user))
            self._take(given)

    def _given(self, user_id: str) -> Sequence[Assignment]:
        """Return the roles of a user here that his manager may take; raise MemberNotFound."""
        rows = Assignment.objects.select_related("project", "role", "user").filter(
            project_id=self.context.scoped_project_id,
            user_id=user_id,
            inherited=False,
            role__name__in=MANAGED,
            role__domain=None,
        )
        given = tuple(rows)
        if not given:
            raise MemberNotFound
        for row in given:
            self._refuse_more_than_managed(row.role)
        return given

    def _take(self, rows: Sequence[Assignment]) -> None:
        Assignment.objects.filter(pk__in=[row.pk for row in rows]).delete()
        void_grants(rows)

    @policy("identity:members:remove")
    def remove(self, *, user_id: str, role_name: str) -> None:
        """Take a role from a user, which voids his tokens for the project at once.

        Raises MemberNotFound, RoleNotFound, Forbidden for a role beyond manager.
        """
        role = self._role(role_name)
        rows = Assignment.objects.filter(
            project_id=self.context.scoped_project_id, user_id=user_id, role=role, inherited=False
        )
        with transaction.atomic():
            row = rows.select_related("project", "user").first()
            if row is None or not rows.delete()[0]:
                raise MemberNotFound
            note(target_id=user_id, target_name=f"{row.user}: {role.name}")
            void_grants([row])

    def _role(self, name: str) -> Role:
        if name not in MANAGED:
            raise Forbidden("A project's manager gives the roles manager, member and reader.")
        role = Role.objects.filter(name=name, domain=None).first()
        if role is None:
            raise RoleNotFound(name)
        self._refuse_more_than_managed(role)
        return role

    def _refuse_more_than_managed(self, role: Role) -> None:
        if names_within({role.pk}) - MANAGED:
            raise Forbidden("This role contains more than a project's manager may give.")
