"""Questions about identity's rows that more than one module asks."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from identity.models import Assignment, Implication, Project, Role, User


def usable_projects(user_id: str) -> QuerySet[Project]:
    """Return the enabled projects a user has a role on, by name."""
    return (
        Project.objects.filter(assignments__user_id=user_id, enabled=True, domain__enabled=True)
        .select_related("domain")
        .distinct()
        .order_by("name", "id")
    )


def active_user(user_id: str) -> User | None:
    """Return a user who may log in, with the domain; None otherwise."""
    user = User.objects.select_related("domain").filter(pk=user_id).first()
    return user if user is not None and user.is_active else None


def direct_role_ids(user_id: str, project_id: str) -> set[str]:
    """Return the roles that were granted, without what they imply."""
    rows = Assignment.objects.filter(user_id=user_id, project_id=project_id)
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


def effective_roles(user_id: str, project_id: str) -> list[Role]:
    """Return a user's roles on a project with the implied ones, by name."""
    direct = direct_role_ids(user_id, project_id)
    if not direct:
        return []
    everything: set[str] = set().union(*implied_closure(direct).values())
    return list(Role.objects.filter(pk__in=everything).order_by("name"))
