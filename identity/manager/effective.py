"""Assignments as they are asked for: as given, or as they take effect.

In effect a group's role is each member's, an inherited one counts on each project below, and a role
brings what it implies; a domain's own role is what it implies and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest
from identity.ids import undashed
from identity.models import Assignment, Membership, Project, Role, User
from identity.querysets import descendants, held_by, implied_closure


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list of assignments is narrowed to; None leaves it open."""

    user_id: str | None = None
    group_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    role_id: str | None = None
    inherited: bool = False
    include_subtree: bool = False
    effective: bool = False

    def check(self) -> None:
        """Raise BadRequest where the wishes exclude each other."""
        if self.user_id is not None and self.group_id is not None:
            raise BadRequest("Specify a user or a group, not both.")
        places = (self.project_id is not None, self.domain_id is not None, self.system)
        if sum(places) > 1:
            raise BadRequest("Specify a project, a domain or the system, one of them.")
        if self.effective and self.group_id is not None:
            raise BadRequest("Combining effective and group.id never finds anything.")
        if self.effective and self.inherited:
            raise BadRequest("Combining effective and inherited_to never finds anything.")
        if self.include_subtree and self.project_id is None:
            raise BadRequest("scope.project.id must be specified with include_subtree.")


@dataclass(frozen=True, slots=True)
class Effective:
    """One role of a holder at a place.

    ``prior`` is the granted role that implies it; ``member`` the user who has it by his group;
    ``project`` the one that inherits it.
    """

    assignment: Assignment
    role: Role
    prior: Role | None = None
    member: User | None = None
    project: Project | None = None


def found_assignments(context: RequestContext, asked: Asked) -> Sequence[Effective]:
    """Return the assignments that fit and that the caller may see."""
    asked.check()
    wanted = _projects_wanted(asked)
    rows = _in_reach(context, _rows(asked, wanted)).order_by(
        "project__name", "domain__name", "user__name", "group__name", "role__name", "pk"
    )
    if not asked.effective:
        return [Effective(row, row.role) for row in rows]
    given = tuple(rows)
    placed = _on_projects(given, wanted)
    held = _by_members(placed, user_id=asked.user_id and undashed(asked.user_id))
    return [one for one in _with_implied(held) if asked.role_id in (None, one.role.pk)]


def _projects_wanted(asked: Asked) -> set[str] | None:
    if asked.project_id is None:
        return None
    wanted = {undashed(asked.project_id)}
    return descendants(wanted) if asked.include_subtree else wanted


def _rows(asked: Asked, wanted: set[str] | None) -> QuerySet[Assignment]:
    rows = Assignment.objects.select_related(
        "user__domain", "group__domain", "project__domain", "domain", "role__domain"
    )
    if asked.user_id is not None:
        user_id = undashed(asked.user_id)
        rows = rows.filter(held_by(user_id) if asked.effective else Q(user_id=user_id))
    if asked.group_id is not None:
        rows = rows.filter(group_id=undashed(asked.group_id))
    if wanted is not None:
        rows = rows.filter(_reaching(wanted) if asked.effective else Q(project_id__in=wanted))
    if asked.domain_id is not None:
        rows = rows.filter(domain_id=asked.domain_id)
        rows = rows.filter(inherited=False) if asked.effective else rows
    if asked.system:
        rows = rows.filter(system=True)
    if asked.inherited:
        rows = rows.filter(inherited=True)
    if asked.role_id is not None and not asked.effective:
        rows = rows.filter(role_id=undashed(asked.role_id))
    return rows


def _reaching(wanted: set[str]) -> Q:
    """Return the condition of assignments that count on one of these projects."""
    above: set[str] = set()
    domains: set[str] = set()
    frontier = wanted
    while frontier:
        found = Project.objects.filter(pk__in=frontier).values_list("parent_id", "domain_id")
        parents = set()
        for parent_id, domain_id in found:
            domains.add(domain_id)
            if parent_id is not None:
                parents.add(parent_id)
        frontier = parents - above
        above |= parents
    return (
        Q(project_id__in=wanted, inherited=False)
        | Q(project_id__in=above, inherited=True)
        | Q(domain_id__in=domains, inherited=True)
    )


def _in_reach(context: RequestContext, rows: QuerySet[Assignment]) -> QuerySet[Assignment]:
    if context.reads_all:
        return rows
    own = context.domain_id if "reader" in context.roles else None
    return rows.filter(Q(project__domain_id=own) | Q(domain_id=own)) if own else rows.none()


def _on_projects(rows: Sequence[Assignment], wanted: set[str] | None) -> Iterator[Effective]:
    """Yield each assignment where it counts: inherited ones once for each project below."""
    domains = {
        row.domain_id or (row.project.domain_id if row.project else "")
        for row in rows
        if row.inherited
    }
    tree = tuple(Project.objects.filter(domain_id__in=domains).select_related("domain"))
    children: dict[str | None, list[Project]] = {}
    in_domain: dict[str, list[Project]] = {}
    for project in tree:
        children.setdefault(project.parent_id, []).append(project)
        in_domain.setdefault(project.domain_id, []).append(project)
    for row in rows:
        if not row.inherited:
            yield Effective(row, row.role)
            continue
        everywhere = in_domain.get(row.domain_id or "", [])
        below = everywhere if row.domain_id is not None else _below(row.project_id, children)
        for project in below:
            if wanted is None or project.pk in wanted:
                yield Effective(row, row.role, project=project)


def _below(project_id: str | None, children: dict[str | None, list[Project]]) -> list[Project]:
    found: list[Project] = []
    frontier = children.get(project_id, [])
    while frontier:
        found += frontier
        frontier = [child for one in frontier for child in children.get(one.pk, [])]
    return found


def _by_members(placed: Iterable[Effective], *, user_id: str | None) -> Iterator[Effective]:
    """Yield what groups have as what their members have, or one user of them."""
    lines = tuple(placed)
    groups = {one.assignment.group_id for one in lines} - {None}
    rows = Membership.objects.filter(group_id__in=groups).select_related("user__domain")
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    members: dict[str, list[User]] = {}
    for row in rows.order_by("user__name", "pk"):
        members.setdefault(row.group_id, []).append(row.user)
    for one in lines:
        if one.assignment.group_id is None:
            yield one
            continue
        for user in members.get(one.assignment.group_id, []):
            yield Effective(one.assignment, one.role, member=user, project=one.project)


def _with_implied(held: Iterable[Effective]) -> Iterator[Effective]:
    roles = {role.pk: role for role in Role.objects.all()}
    closure = implied_closure(roles)
    for one in held:
        if one.role.domain_id is None:
            yield one
        for implied in sorted(closure[one.role.pk] - {one.role.pk}):
            if roles[implied].domain_id is None:
                yield Effective(
                    one.assignment,
                    roles[implied],
                    prior=one.role,
                    member=one.member,
                    project=one.project,
                )
