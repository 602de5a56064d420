"""Volumes: list, make, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Choice, Column, Empty, Field, Offer, Tool
from dashboard.components.volumes import (
    Holder,
    Space,
    called,
    holders_of,
    images_of,
    is_busy,
    may_end,
    space_of,
    type_name,
    types_of,
    volume_badge,
)
from dashboard.forms.volumes import NewVolumeForm, TakeVolumeForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from volume.manager import TransferManager, VolumeManager, VolumeRequest

if TYPE_CHECKING:
    from volume.models import Volume

STATUSES = {"": "All", "available": "Free", "in-use": "In use", "error": "Error"}


def _delete(context: RequestContext, key: str) -> None:
    VolumeManager(context).delete(key)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="volume:volumes:delete",
    effect=_delete,
    done="{} is being deleted.",
    warning="What is on it is gone for good.",
    warning_all="What is on them is gone for good.",
    harm=True,
)


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """A volume, and who has it."""

    volume: Volume
    holders: Sequence[Holder]


def _in(row: VolumeRow) -> str:
    if not row.holders:
        return cells.NOTHING
    if len(row.holders) > 1:
        return cells.lines([one.name for one in row.holders])
    [one] = row.holders
    if not one.server_id:
        return cells.plain(one.name)
    return cells.named(reverse("server", args=[one.server_id]), one.name)


class Volumes(ListPage):
    """The project's volumes, newest first."""

    section = route = "volumes"
    template = "dashboard/volumes/list.html"
    title, nouns = "Volumes", ("volume", "volumes")
    about = "Disks that outlive their servers and go from one to another"
    columns = (
        Column(
            "Name", lambda row: cells.named(url_of(row.volume), called(row.volume)), sort="name"
        ),
        Column(
            "Status",
            lambda row: cells.status(volume_badge(row.volume)),
            sort="status",
            css="col-status",
            unlabelled=True,
        ),
        Column(
            "Size",
            lambda row: f"{row.volume.size} GiB",
            sort="size",
            falling=True,
            css="num nowrap",
        ),
        Column("In", _in),
        Column("Type", lambda row: cells.quiet(type_name(row.volume.volume_type))),
        Column(
            "Created", lambda row: cells.ago(row.volume.created_at), sort="created_at", falling=True
        ),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    choices = (Choice("status", "Which volumes", STATUSES),)
    actions = (DELETE,)
    tools = (
        Tool(
            "Take one", "take_volume", "download", "volume:transfers:accept",
            box="take-box", main=False,
        ),
        Tool("New volume", "new_volume", policy="volume:volumes:create", box="new-box"),
    )  # fmt: skip
    empty = Empty(
        "cylinder",
        "No volumes yet",
        "Make one, attach it to a server, and what is on it stays when the server goes.",
        "Your role in this project lets you look, not make volumes.",
        "No volume is like that",
    )
    pace = (2, 20)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        where = Q()
        if asked.q is not None:
            found = as_uuid(asked.q)
            where = Q(id=found) if found else Q(name__icontains=asked.q)
        status = asked.chosen.get("status", "")
        if status:
            where &= Q(status__startswith=status)
        listing = Listing(
            where=where, order=asked.columns(last="id"), marker=asked.marker, limit=asked.limit
        )
        return VolumeManager(self.context).list(listing)

    def rows(self, found: Sequence[Any]) -> Sequence[VolumeRow]:
        """Add who has each."""
        holders = holders_of(self.context, found)
        return [VolumeRow(one, holders.get(str(one.id), ())) for one in found]

    def key_of(self, row: VolumeRow) -> str:
        """Return the id."""
        return str(row.volume.id)

    def name_of(self, row: VolumeRow) -> str:
        """Return the name, or the id of one that has none."""
        return called(row.volume)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        found = VolumeManager(self.context).names(keys)
        return {key: name or key for key, name in found.items()}

    def is_busy(self, row: VolumeRow) -> bool:
        """Tell whether something is being done to it."""
        return is_busy(row.volume)

    def offers_of(self, row: VolumeRow) -> Sequence[Offer]:
        """Return what may be done; what a server has is not deleted."""
        return [Offer(action, may_end(row.volume)) for action in self.offered()]

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the forms in the boxes."""
        forms = {"new_form": self.new_form(), "take_form": self.take_form()}
        return super().facts(**{**forms, "space": self.space, **more})

    @cached_property
    def space(self) -> Space:
        """What the quota leaves."""
        return space_of(self.context)

    def new_form(self, data: Any = None) -> NewVolumeForm:
        """Return the form of a new one."""
        empty = ("", "Nothing: an empty disk")
        offered = {
            "volume_type": types_of(self.context),
            "image": [empty, *images_of(self.context)],
        }
        return NewVolumeForm(data, offered=offered)

    def take_form(self, data: Any = None) -> TakeVolumeForm:
        """Return the form that takes what another project offers."""
        return TakeVolumeForm(data, auto_id="take_%s")


class NewVolume(Box, Volumes):
    """Make a volume."""

    box = "new"

    def effect(self, said: dict[str, Any]) -> str:
        """Make it."""
        wanted = VolumeRequest(
            name=said["name"],
            size=said["size"],
            volume_type=said["volume_type"],
            image_id=said["image"] or None,
        )
        made = VolumeManager(self.context).create(wanted)
        return f"{called(made)} is being made."


class TakeVolume(Box, Volumes):
    """Take a volume that another project offers."""

    box = "take"

    def effect(self, said: dict[str, Any]) -> str:
        """Take it into this project."""
        TransferManager(self.context).accept(said["transfer"], key=said["key"].strip())
        return "The volume is this project's."


def url_of(volume: Volume) -> str:
    """Return where a volume's page is."""
    return reverse("volume", args=[volume.id])
