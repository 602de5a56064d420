"""Assignments: who has which role where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.audit import note
from cloudweb.exceptions import Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import (
    DomainNotFound,
    GrantNotFound,
    GroupNotFound,
    ProjectNotFound,
    RoleNotFound,
    UserNotFound,
)
from identity.ids import undashed
from identity.manager.effective import Asked, Effective, found_assignments
from identity.manager.voiding import void_grants
from identity.models import Assignment, Domain, Group, Project, Role, User
from identity.reach import MANAGED, names_within, reads
from identity.scopes import SYSTEM, Place


@dataclass(frozen=True, slots=True)
class GrantTarget:
    """A holder and a place by their ids, as a URL names them; one of each kind is given."""

    user_id: str | None = None
    group_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The rows behind a ``GrantTarget``."""

    holder: User | Group
    place: Place
    inherited: bool

    def rows(self) -> QuerySet[Assignment]:
        """Return the assignments of this holder here."""
        return Assignment.objects.filter(**self.columns())

    def told(self, role: Role) -> str:
        """Say who has which role where, by names."""
        place = self.place.project or self.place.domain
        return f"{self.holder.name}: {role.name} on {place.name if place else 'the system'}"

    def columns(self) -> dict[str, Any]:
        """Return the columns of such an assignment."""
        kind = "user" if isinstance(self.holder, User) else "group"
        other = "group" if kind == "user" else "user"
        return {
            kind: self.holder,
            other: None,
            **self.place.columns(),
            "inherited": self.inherited,
        }


class AssignmentManager(Manager):
    """Roles of users and groups on projects, domains and the system."""

    @policy("identity:grants:create")
    def grant(self, target: GrantTarget, *, role_id: str) -> Assignment:
        """Give a role; nothing happens if it was given before."""
        found, role = self._found(target), self._role(role_id)
        self._check_reach(found, role)
        note(target_id=found.holder.pk, target_name=found.told(role))
        return Assignment.objects.get_or_create(**found.columns(), role=role)[0]

    @policy("identity:grants:check")
    def check(self, target: GrantTarget, *, role_id: str) -> None:
        """Raise GrantNotFound unless this role was given."""
        found, role = self._found(target), self._role(role_id)
        if not found.rows().filter(role=role).exists():
            raise GrantNotFound

    @policy("identity:grants:list")
    def roles_of(self, target: GrantTarget) -> QuerySet[Role]:
        """Return the roles that were given, without implied ones."""
        return Role.objects.filter(assignments__in=self._found(target).rows())

    @policy("identity:grants:revoke")
    def withdraw(self, target: GrantTarget, *, role_id: str) -> None:
        """Take a role away, which voids the tokens that rest on it at once."""
        found, role = self._found(target), self._role(role_id)
        self._check_reach(found, role)
        note(target_id=found.holder.pk, target_name=found.told(role))
        with transaction.atomic():
            row = found.rows().filter(role=role).select_related("project", "domain").first()
            if row is None or not found.rows().filter(role=role).delete()[0]:
                raise GrantNotFound
            void_grants([row])

    @policy("identity:role_assignments:list")
    def list(self, asked: Asked) -> Sequence[Effective]:
        """Return the assignments that fit; a domain's reader sees those on his domain.

        Takes a fixed number of queries, however many there are. Raises BadRequest where the
        wishes exclude each other.
        """
        return found_assignments(self.context, asked)

    @policy("identity:own_roles:list")
    def own(self) -> Sequence[Effective]:
        """Return the caller's own roles as they take effect, wherever that is."""
        asked = Asked(user_id=str(self.context.user_id), effective=True)
        return found_assignments(type(self.context).system(), asked)

    # What ids mean

    def _found(self, target: GrantTarget) -> Found:
        """Return the rows; whoever does not read all finds those of his domain alone."""
        found = Found(self._holder(target), self._place(target), target.inherited)
        if not self.context.reads_all and found.place.system:
            raise Forbidden("Only operators see to the roles on the system.")
        return found

    def _holder(self, target: GrantTarget) -> User | Group:
        if target.user_id is not None:
            user = User.objects.filter(pk=undashed(target.user_id)).first()
            if user is None or not self._reaches(user.domain_id):
                raise UserNotFound(target.user_id)
            return user
        group = Group.objects.filter(pk=undashed(str(target.group_id))).first()
        if group is None or not self._reaches(group.domain_id):
            raise GroupNotFound(str(target.group_id))
        return group

    def _place(self, target: GrantTarget) -> Place:
        if target.project_id is not None:
            projects = Project.objects.select_related("domain")
            project = projects.filter(pk=undashed(target.project_id)).first()
            if project is None or not self._reaches(project.domain_id):
                raise ProjectNotFound(target.project_id)
            return Place(project=project)
        if target.domain_id is not None:
            domain = Domain.objects.filter(pk=target.domain_id).first()
            if domain is None or not self._reaches(domain.pk):
                raise DomainNotFound(target.domain_id)
            return Place(domain=domain)
        return SYSTEM

    def _role(self, role_id: str) -> Role:
        role = Role.objects.filter(pk=role_id).first()
        if role is None or not (role.domain_id is None or self._reaches(role.domain_id)):
            raise RoleNotFound(role_id)
        return role

    def _reaches(self, domain_id: str) -> bool:
        return reads(self.context, domain_id)

    def _check_reach(self, found: Found, role: Role) -> None:
        """Raise Forbidden where a domain's manager would hand out more than his domain.

        Role admin on any project operates the whole cloud, so only operators give or take it. A
        domain's own role is given on its projects; on another domain, too, as Keystone lets it:
        it is but a name for what operators let it imply, and who does not see it cannot give it.
        """
        project = found.place.project
        foreign = project is not None and role.domain_id not in (None, project.domain_id)
        if foreign or (found.place.system and role.domain_id is not None):
            raise Forbidden("A domain's own role can be given on projects of that domain only.")
        if not self.context.is_admin and names_within({role.pk}) - MANAGED:
            raise Forbidden(
                "Only operators of the cloud give or take roles beyond manager, member and reader."
            )
