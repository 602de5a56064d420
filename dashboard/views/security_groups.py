"""Security groups: list, make, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Offer, Tool
from dashboard.components.reach import own_address, sentences, worst_of
from dashboard.forms.security_groups import GroupForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from dashboard.views.networks import listing_of, names_of, searched
from network.manager import ReachManager, SecurityGroupManager

if TYPE_CHECKING:
    from network.models import SecurityGroup
    from network.reach import Permission


def _delete(context: RequestContext, group_id: str) -> None:
    SecurityGroupManager(context).delete(group_id)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="network:security_groups:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="Rules of other groups that name it go with it. It must have no members any more.",
    warning_all="Rules of other groups that name them go with them. They must have no members any more.",
    harm=True,
)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group, what it permits, and how many ports are members."""

    group: SecurityGroup
    permissions: Sequence[Permission]
    members: int


def _risk(row: GroupRow) -> str:
    badge = worst_of(row.permissions)
    return cells.status(badge) if badge else ""


class SecurityGroups(ListPage):
    """The project's security groups."""

    section = route = "security_groups"
    template = "dashboard/security_groups/list.html"
    title, nouns = "Security groups", ("security group", "security groups")
    about = "Who can reach which of {project}'s servers"
    columns = (
        Column("Name", lambda row: cells.named(_url(row.group), _called(row.group)), sort="name"),
        Column("Who can reach its members", lambda row: sentences(row.permissions)),
        Column("To watch", _risk, css="col-status", unlabelled=True),
        Column("Members", lambda row: _members(row.members), css="num nowrap"),
        Column(
            "Created", lambda row: cells.ago(row.group.created_at), sort="created_at", falling=True
        ),
    )
    order = "name"
    search = (Field("q", "Find by name or ID", live=True),)
    actions = (DELETE,)
    tools = (
        Tool("Create group", "new_group", policy="network:security_groups:create", box="new-box"),
    )
    empty = Empty(
        "shield",
        "No security groups yet",
        "A group lets in what its rules say; a server may be in several.",
        "Your role in this project lets you look, not create.",
        "No security group is like that",
    )
    pace = (20, 20)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        where = searched(asked.q) & Q(project_id=self.context.project_id)
        return SecurityGroupManager(self.context).list(listing_of(asked, where))

    def rows(self, found: Sequence[Any]) -> Sequence[GroupRow]:
        """Add what each permits, and to how many."""
        manager = ReachManager(self.context)
        permitted = manager.of_groups(found, own=own_address(self.request))
        members = manager.members(found)
        return [GroupRow(one, permitted[str(one.id)], members.get(str(one.id), 0)) for one in found]

    def key_of(self, row: GroupRow) -> str:
        """Return the id."""
        return str(row.group.id)

    def name_of(self, row: GroupRow) -> str:
        """Return the name, or the id of one that has none."""
        return _called(row.group)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        return names_of(SecurityGroupManager(self.context).list, keys)

    def offers_of(self, row: GroupRow) -> Sequence[Offer]:
        """Return what may be done: the default group stays, and so does one with members."""
        free = not (row.group.is_default or row.members)
        return [Offer(action, free) for action in self.offered()]

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the form in the box."""
        return super().facts(**{"new_form": self.new_form(), **more})

    def new_form(self, data: Any = None) -> GroupForm:
        """Return the form of a new one."""
        return GroupForm(data)


class NewGroup(Box, SecurityGroups):
    """Make a group."""

    box = "new"

    def home(self) -> str:
        """Lead to the new group once there is one: who gets in is said there."""
        return self._made or super().home()

    _made = ""

    def effect(self, said: dict[str, Any]) -> str:
        """Make it."""
        made = SecurityGroupManager(self.context).create(**said)
        self._made = _url(made)
        return f"{_called(made)} was created."


def _url(group: SecurityGroup) -> str:
    return reverse("security_group", args=[group.id])


def _called(group: SecurityGroup) -> str:
    return group.name or str(group.id)


def _members(number: int) -> str:
    return f"{number} port{'s' * (number != 1)}" if number else "none"
