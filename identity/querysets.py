"""Questions about identity's rows that more than one module asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from cloudweb.context import RequestContext
from identity.models import Assignment, Domain, Implication, Membership, Project, Role, User
from identity.scopes import Place

T = TypeVar("T", bound=Model)


def held_by(user_id: str) -> Q:
    """Return the condition of assignments that a user has, himself or by a group."""
    groups = Membership.objects.filter(user_id=user_id).values("group_id")
    return Q(user_id=user_id) | Q(group_id__in=groups)


def usable_projects(user_id: str) -> QuerySet[Project]:
    """Return the enabled projects a user has a role on, by name."""
    direct: set[str] = set()
    in_domains: set[str] = set()
    below: set[str] = set()
    rows = Assignment.objects.filter(held_by(user_id), system=False)
    for project_id, domain_id, inherited in rows.values_list(
        "project_id", "domain_id", "inherited"
    ):
        if not inherited:
            direct.add(project_id)
        elif domain_id is not None:
            in_domains.add(domain_id)
        else:
            below.add(project_id)
    reached = direct | (descendants(below) - below if below else set())
    return (
        Project.objects.filter(Q(pk__in=reached) | Q(domain_id__in=in_domains))
        .filter(enabled=True, domain__enabled=True)
        .select_related("domain")
        .order_by("name", "id")
    )


def usable_domains(user_id: str) -> QuerySet[Domain]:
    """Return the enabled domains a user has a role on, by name."""
    rows = Assignment.objects.filter(held_by(user_id), domain__isnull=False, inherited=False)
    return Domain.objects.filter(pk__in=rows.values("domain_id"), enabled=True).order_by("name")


def has_system_role(user_id: str) -> bool:
    """Tell whether a user has a role on the system."""
    return Assignment.objects.filter(held_by(user_id), system=True).exists()


def operates_the_cloud(user_id: str) -> bool:
    """Tell whether a user is admin of the system or of any usable project.

    No role implies admin (``RoleManager.imply``), so its own name is all there is to look for.
    """
    usable = Q(project__enabled=True, project__domain__enabled=True, inherited=False)
    rows = Assignment.objects.filter(held_by(user_id), role__name="admin", role__domain=None)
    return rows.filter(usable | Q(system=True)).exists()


def active_user(user_id: str) -> User | None:
    """Return a user who may log in, with the domain; None otherwise."""
    user = User.objects.select_related("domain").filter(pk=user_id).first()
    return user if user is not None and user.is_active else None


def still_stands(user_id: str, project_id: str) -> bool:
    """Tell whether a user may log in and has a role in a usable project; in the system, for an empty one."""
    if active_user(user_id) is None:
        return False
    if not project_id:
        return has_system_role(user_id)
    return usable_projects(user_id).filter(pk=project_id).exists()


def ancestors(project: Project) -> list[str]:
    """Return the ids of the projects above one, nearest first."""
    found: list[str] = []
    above = project.parent_id
    while above is not None and above not in found:
        found.append(above)
        above = Project.objects.values_list("parent_id", flat=True).get(pk=above)
    return found


def descendants(project_ids: set[str]) -> set[str]:
    """Return these projects and all below them."""
    reached: set[str] = set()
    frontier = project_ids
    while frontier:
        reached |= frontier
        children = Project.objects.filter(parent_id__in=frontier).values_list("pk", flat=True)
        frontier = set(children) - reached
    return reached


def counting_at(place: Place) -> Q:
    """Return the condition of assignments that count at a place: given there, or inherited."""
    if place.project is not None:
        above = ancestors(place.project) if place.project.parent_id else []
        return (
            Q(project=place.project, inherited=False)
            | Q(domain_id=place.project.domain_id, inherited=True)
            | Q(project_id__in=above, inherited=True)
        )
    if place.domain is not None:
        return Q(domain=place.domain, inherited=False)
    return Q(system=True) if place.system else Q(pk__in=())


def direct_role_ids(user_id: str, place: Place) -> set[str]:
    """Return the roles of a user at a place, without what they imply."""
    rows = Assignment.objects.filter(held_by(user_id)).filter(counting_at(place))
    return set(rows.values_list("role_id", flat=True))


def implied_closure(role_ids: Iterable[str]) -> dict[str, set[str]]:
    """Return, for each role, itself and everything it implies, however indirectly."""
    implied: dict[str, set[str]] = {}
    for prior, follower in Implication.objects.values_list("prior_id", "implied_id"):
        implied.setdefault(prior, set()).add(follower)
    closure = {}
    for role_id in role_ids:
        reached: set[str] = set()
        frontier = {role_id}
        while frontier:
            reached |= frontier
            frontier = set().union(*(implied.get(one, set()) for one in frontier)) - reached
        closure[role_id] = reached
    return closure


def with_implied(role_ids: Iterable[str]) -> list[Role]:
    """Return these roles and what they imply, by name; a domain's own roles only imply."""
    everything: set[str] = set().union(*implied_closure(role_ids).values())
    return list(Role.objects.filter(pk__in=everything, domain=None).order_by("name"))


def effective_roles(user_id: str, place: Place) -> list[Role]:
    """Return a user's roles at a place with the implied ones, by name."""
    direct = direct_role_ids(user_id, place)
    return with_implied(direct) if direct else []


def in_reach(
    context: RequestContext, rows: QuerySet[T], *, field: str = "domain_id"
) -> QuerySet[T]:
    """Return what a caller may see of rows that belong to domains: all, or those of his domain."""
    if context.reads_all:
        return rows
    if context.domain_id is not None and "reader" in context.roles:
        return rows.filter(**{field: context.domain_id})
    return rows.none()
