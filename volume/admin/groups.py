"""Groups of volumes, and the types that operators offer of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, Values, row_action
from volume.admin.specs import SpecsField, written
from volume.manager import GroupManager, GroupSnapshotManager, GroupTypeManager
from volume.models import Group, GroupSnapshot, GroupType
from volume.states import Consistency

OWN = ("name", "description", "is_public")


class GroupTypeForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """What it is called, who sees it, and its specs, one a line."""

    specs = SpecsField(label="Group specs")

    class Meta:
        model = GroupType
        fields = OWN

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["specs"] = written(self.instance.group_specs)

    def clean_description(self) -> str | None:
        """Turn an empty description into none."""
        return self.cleaned_data["description"] or None


@admin.register(GroupType)
class GroupTypeAdmin(ManagedAdmin):
    """Group types."""

    form = GroupTypeForm
    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "is_public", "groups_held")
    list_filter = ("is_public",)
    search_fields = ("name", "id")
    ordering = ("name",)
    fields = (*OWN, "specs")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the groups of each along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(group_total=Count("groups"))
        return counted

    @admin.display(description="groups", ordering="group_total")
    def groups_held(self, row: Any) -> int:
        """Show how many groups are of it."""
        return int(row.group_total)

    def create(self, request: HttpRequest, values: Values) -> GroupType:
        """Offer it."""
        own = {name: values[name] for name in OWN}
        return GroupTypeManager(self.context(request)).create(**own, group_specs=values["specs"])

    def update(self, request: HttpRequest, row: GroupType, values: Values) -> None:
        """Call it otherwise, set its specs, take away those that are gone."""
        manager = GroupTypeManager(self.context(request))
        if own := {name: values[name] for name in OWN if name in values}:
            manager.update(row.pk, **own)
        if "specs" in values:
            for key in manager.specs(row.pk).keys() - values["specs"].keys():
                manager.delete_spec(row.pk, key)
            manager.set_specs(row.pk, values["specs"])

    def remove(self, request: HttpRequest, row: GroupType) -> None:
        """Withdraw it; refused while groups are of it."""
        GroupTypeManager(self.context(request)).delete(row.pk)


@admin.register(Group)
class GroupAdmin(ManagedAdmin):
    """All groups of all projects, and how many volumes are in each."""

    ordering = NEWEST_FIRST
    list_display = (
        "name",
        "id",
        "status",
        "group_type",
        "volumes_held",
        "project_id",
        "created_at",
    )
    list_filter = ("status",)
    list_select_related = ("group_type",)
    search_fields = ("name", "id", "project_id")
    actions = ("delete_groups",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the volumes in each along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(volume_total=Count("volumes"))
        return counted

    @admin.display(description="volumes", ordering="volume_total")
    def volumes_held(self, row: Any) -> int:
        """Show how many volumes are in it."""
        return int(row.volume_total)

    delete_groups = row_action(
        "Delete the selected groups, if they are empty",
        "deleted",
        lambda context, row: GroupManager(context).delete(row.id),
    )


@admin.register(GroupSnapshot)
class GroupSnapshotAdmin(ManagedAdmin):
    """All snapshots of groups, how many volumes are in each, and what they hold together."""

    ordering = NEWEST_FIRST
    list_display = (
        "name",
        "id",
        "status",
        "group",
        "snapshots_held",
        "consistency",
        "project_id",
        "created_at",
    )
    list_filter = ("status",)
    list_select_related = ("group",)
    search_fields = ("name", "id", "project_id", "group__id")
    actions = ("delete_group_snapshots",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the snapshots in each along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(
            snapshot_total=Count("snapshots"), held=Max("snapshots__consistency")
        )
        return counted

    @admin.display(description="snapshots", ordering="snapshot_total")
    def snapshots_held(self, row: Any) -> int:
        """Show how many snapshots are in it."""
        return int(row.snapshot_total)

    @admin.display(ordering="held")
    def consistency(self, row: Any) -> str:
        """Show what they hold together."""
        return str(dict(Consistency.choices).get(row.held or "", ""))

    delete_group_snapshots = row_action(
        "Delete the selected snapshots of groups",
        "being deleted",
        lambda context, row: GroupSnapshotManager(context).delete(row.id),
    )
