"""Groups of volumes: list, make, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Offer, Tool
from dashboard.components.volume_groups import called, group_badge, group_types_of
from dashboard.components.volumes import types_of
from dashboard.forms.volume_groups import NewVolumeGroupForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from dashboard.views.networks import listing_of, names_of
from volume.manager import GroupManager

if TYPE_CHECKING:
    from volume.models import Group


def _delete(context: RequestContext, key: str) -> None:
    GroupManager(context).delete(key)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="volume:groups:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="Volumes are taken out of it first; they stay.",
    warning_all="Volumes are taken out of them first; they stay.",
    harm=True,
)


class VolumeGroups(ListPage):
    """The project's groups of volumes, newest first."""

    section = route = "volume_groups"
    template = "dashboard/volume_groups/list.html"
    title, nouns = "Volume groups", ("group", "groups")
    about = "Volumes that belong together, and are snapshotted and copied together"
    columns = (
        Column("Name", lambda one: cells.named(url_of(one), called(one)), sort="name"),
        Column(
            "Status",
            lambda one: cells.status(group_badge(one)),
            sort="status",
            css="col-status",
            unlabelled=True,
        ),
        Column("Volumes", lambda one: str(len(one.volumes.all())), css="num"),
        Column("Created", lambda one: cells.ago(one.created_at), sort="created_at", falling=True),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    actions = (DELETE,)
    tools = (Tool("New group", "new_volume_group", policy="volume:groups:create", box="new-box"),)
    empty = Empty(
        "stack-2",
        "No groups yet",
        "Volumes of one application belong into one: their snapshots are of one moment where that can be.",
        "Your role in this project lets you look, not make groups.",
        "No group is like that",
    )
    pace = (2, 20)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        return GroupManager(self.context).list(listing_of(asked))

    def name_of(self, row: Group) -> str:
        """Return the name, or the id of one that has none."""
        return called(row)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        return names_of(GroupManager(self.context).list, keys)

    def is_busy(self, row: Group) -> bool:
        """Tell whether its volumes are being made."""
        return group_badge(row).busy

    def offers_of(self, row: Group) -> Sequence[Offer]:
        """Return what may be done; one with volumes is not deleted."""
        return [Offer(action, not row.volumes.all()) for action in self.offered()]

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the form in the box."""
        return super().facts(**{"new_form": self.new_form(), **more})

    def new_form(self, data: Any = None) -> NewVolumeGroupForm:
        """Return the form of a new one."""
        return NewVolumeGroupForm(data, offered={"group_type": group_types_of(self.context)})


class NewVolumeGroup(Box, VolumeGroups):
    """Make a group."""

    box = "new"

    def effect(self, said: dict[str, Any]) -> str:
        """Make it, for volumes of every type that the project may use."""
        types = [key for key, _ in types_of(self.context)]
        GroupManager(self.context).create(
            name=said["name"], group_type=said["group_type"], volume_types=types
        )
        return f"{said['name']} was made."


def url_of(group: Group) -> str:
    """Return where a group's page is."""
    return reverse("volume_group", args=[group.id])
