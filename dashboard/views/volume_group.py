"""One group of volumes: what is in it, its points in time, and what is made of them."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.functional import cached_property

from dashboard.components.volume_groups import addable, called, group_badge, snapshots_of
from dashboard.components.volumes import called as volume_called
from dashboard.components.volumes import volume_badge
from dashboard.forms.volume_groups import AddVolumeForm, EditVolumeGroupForm, NamedForm
from dashboard.views.box import Box
from dashboard.views.detail_page import DetailPage, Press
from volume.manager import GroupManager, GroupSnapshotManager


class VolumeGroupPage(DetailPage):
    """The page of a group."""

    section, noun = "volume_groups", "volume_group"

    @cached_property
    def group(self) -> Any:
        """Find it; raise GroupNotFound."""
        return GroupManager(self.context).get(self.key)

    def facts(self) -> dict[str, Any]:
        """Return what the page and its live part show."""
        group = self.group
        inside = [(one, volume_called(one), volume_badge(one)) for one in group.volumes.all()]
        snapshots, badge = snapshots_of(self.context, group), group_badge(group)
        badges = [badge, *(one for *_, one in inside), *(one for _, one in snapshots)]
        return {
            "group": group,
            "name": called(group),
            "badge": badge,
            "inside": inside,
            "snapshots": snapshots,
            "busy": any(one.busy for one in badges),
            "may_update": self.may("volume:groups:update"),
            "may_delete": self.may("volume:groups:delete"),
            "may_snapshot": self.may("volume:group_snapshots:create") and bool(inside),
            "may_delete_snapshots": self.may("volume:group_snapshots:delete"),
            "may_copy": self.may("volume:groups:create"),
        }

    def forms(self) -> dict[str, Any]:
        """Return the forms in the boxes."""
        return {
            "edit_form": self.edit_form(),
            "add_form": self.add_form(),
            "snapshot_form": self.snapshot_form(),
            "copy_form": self.copy_form(),
        }

    def edit_form(self, data: Any = None) -> EditVolumeGroupForm:
        """Return the form of what it is called."""
        said = {"name": self.group.name or "", "description": self.group.description or ""}
        return EditVolumeGroupForm(data, initial=said, auto_id="edit_%s")

    def add_form(self, data: Any = None) -> AddVolumeForm:
        """Return the form of what else comes in."""
        offered = {"volume": addable(self.context, self.group)}
        return AddVolumeForm(data, offered=offered, auto_id="add_%s")

    def snapshot_form(self, data: Any = None) -> NamedForm:
        """Return the form of a point in time."""
        return NamedForm(data, auto_id="snapshot_%s")

    def copy_form(self, data: Any = None) -> NamedForm:
        """Return the form of another group that begins as this one is."""
        return NamedForm(data, auto_id="copy_%s")


class EditVolumeGroup(Box, VolumeGroupPage):
    """Say what a group is called and is for."""

    box = "edit"

    def effect(self, said: dict[str, Any]) -> str:
        """Write it down."""
        GroupManager(self.context).update(self.key, **said)
        return f"It is called {said['name']} now."


class AddVolume(Box, VolumeGroupPage):
    """Put a volume in."""

    box = "add"

    def effect(self, said: dict[str, Any]) -> str:
        """Put it in."""
        GroupManager(self.context).update(self.key, add=[said["volume"]])
        return "The volume is in the group now."


class RemoveVolume(Press, VolumeGroupPage):
    """Take a volume out."""

    def effect(self, **about: Any) -> str:
        """Take it out; it stays as it is."""
        GroupManager(self.context).update(self.key, remove=[str(about["volume_id"])])
        return "The volume is in no group now."


class SnapshotVolumeGroup(Box, VolumeGroupPage):
    """Keep what all its volumes hold."""

    box = "snapshot"

    def effect(self, said: dict[str, Any]) -> str:
        """Start it."""
        GroupSnapshotManager(self.context).create(self.key, name=said["name"])
        return f"{said['name']} is being taken."


class CopyVolumeGroup(Box, VolumeGroupPage):
    """Make another group whose volumes begin as these are."""

    box = "copy"

    def effect(self, said: dict[str, Any]) -> str:
        """Start it."""
        GroupManager(self.context).create_from(source_group_id=self.key, name=said["name"])
        return f"{said['name']} is being made."


class RestoreGroupSnapshot(Press, VolumeGroupPage):
    """Make a group of a point in time."""

    def effect(self, **about: Any) -> str:
        """Start it."""
        found = GroupSnapshotManager(self.context).find(about["snapshot_id"])
        name = f"{called(self.group)} of {called(found)}"[:255]
        GroupManager(self.context).create_from(group_snapshot_id=str(found.id), name=name)
        return f"{name} is being made."


class DeleteGroupSnapshot(Press, VolumeGroupPage):
    """Keep a point in time no longer."""

    def effect(self, **about: Any) -> str:
        """Start it."""
        GroupSnapshotManager(self.context).delete(about["snapshot_id"])
        return "The snapshot is being deleted."


class DeleteVolumeGroup(Press, VolumeGroupPage):
    """Delete a group without volumes, from its page."""

    def effect(self, **about: Any) -> str:
        """Delete it."""
        name = called(self.group)
        GroupManager(self.context).delete(self.key)
        return f"{name} was deleted."

    def home(self) -> str:
        """Go back to the list: it has no page any more."""
        return reverse(self.section)
