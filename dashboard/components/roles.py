"""Roles as people read them: the strongest first, and how one came to have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from identity.reach import MANAGED

if TYPE_CHECKING:
    from identity.manager.effective import Effective
    from identity.models import Assignment

#: What roles let one do, strongest first; others follow by name.
CHAIN = ("admin", "manager", "member", "reader")
MEANINGS = {
    "manager": "Sees to the members, and all below",
    "member": "Creates, changes and deletes",
    "reader": "Looks only",
}


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """One role, and by which way: empty where it was given to the holder on the project itself."""

    name: str
    source: str = ""


@dataclass(slots=True)
class Holder:
    """A user or a group with roles on a project, or a project on which one has roles (``kind``)."""

    id: str
    name: str
    domain: str
    kind: str = "user"
    roles: list[RoleHeld] = field(default_factory=list)

    @property
    def managed(self) -> str:
        """Return the strongest role that the project's manager may change; "" if there is none."""
        own = [held.name for held in self.roles if not held.source and held.name in MANAGED]
        return next((name for name in CHAIN if name in own), "")

    def take(self, role: RoleHeld) -> None:
        """Add a role once, in its order."""
        if role not in self.roles:
            self.roles.append(role)
            self.roles.sort(key=lambda one: (strength(one.name), bool(one.source), one.source))


def strength(name: str) -> tuple[int, str]:
    """Return what roles are sorted by."""
    return (CHAIN.index(name) if name in CHAIN else len(CHAIN), name)


def places_of(found: Iterable[Effective]) -> Sequence[Holder]:
    """Return the projects on which a user has roles; what a role implies is left out."""
    places: dict[str, Holder] = {}
    for one in found:
        project = one.project or one.assignment.project
        if project is None or one.prior is not None:
            continue
        place = places.setdefault(
            project.pk, Holder(project.pk, project.name, project.domain.name, "project")
        )
        place.take(RoleHeld(one.role.name, _source(one)))
    return sorted(places.values(), key=lambda place: (place.name, place.id))


def users_of(found: Iterable[Effective]) -> Sequence[Holder]:
    """Return the users with roles on a project."""
    users: dict[str, Holder] = {}
    for one in found:
        user = one.member or one.assignment.user
        if user is None or one.prior is not None:
            continue
        held = users.setdefault(user.pk, Holder(user.pk, user.name, user.domain.name))
        held.take(RoleHeld(one.role.name, _source(one)))
    return sorted(users.values(), key=lambda user: (user.name, user.id))


def groups_of(given: Iterable[Assignment]) -> Sequence[Holder]:
    """Return the groups to which roles were given on a project."""
    groups: dict[str, Holder] = {}
    for row in given:
        group = row.group
        if group is not None and not row.inherited:
            held = groups.setdefault(
                group.pk, Holder(group.pk, group.name, group.domain.name, "group")
            )
            held.take(RoleHeld(row.role.name))
    return sorted(groups.values(), key=lambda group: (group.name, group.id))


def _source(one: Effective) -> str:
    """Say by which way a role came."""
    row, ways = one.assignment, []
    if row.group is not None:
        ways.append(f"group {row.group.name}")
    if row.inherited and row.domain is not None:
        ways.append(f"domain {row.domain.name}")
    elif row.inherited and row.project is not None:
        ways.append(f"project {row.project.name}")
    return ", ".join(ways)
