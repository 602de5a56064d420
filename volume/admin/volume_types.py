"""Volume types: what they ask of pools, who may use them, how many volumes are of each."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin, Values
from volume.admin.specs import SpecsField, written
from volume.manager import (
    QosSpecManager,
    VolumeTypeAccessManager,
    VolumeTypeExtraSpecManager,
    VolumeTypeManager,
)
from volume.models import VolumeType

OWN = ("name", "description", "is_public")


class VolumeTypeForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A type, its extra specs and the projects that may use it, one a line."""

    specs = SpecsField(label="Extra specs")
    projects = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "project id"}),
        required=False,
        label="Projects with access",
        help_text="For a type that is not public.",
    )

    class Meta:
        model = VolumeType
        fields = (*OWN, "qos_spec")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["specs"] = written(self.instance.extra_specs)
        if not self.instance._state.adding:  # noqa: SLF001 - Django documents it
            granted = self.instance.access.values_list("project_id", flat=True)
            self.initial["projects"] = "\n".join(granted)

    def clean_projects(self) -> set[str]:
        """Return the ids of the projects."""
        projects = set(self.cleaned_data["projects"].split())
        if any(len(project) > 64 for project in projects):
            raise forms.ValidationError("A project id has at most 64 characters.")
        return projects

    def clean_description(self) -> str | None:
        """Turn an empty description into none."""
        return self.cleaned_data["description"] or None


@admin.register(VolumeType)
class VolumeTypeAdmin(ManagedAdmin):
    """Volume types; what volumes are of means the same for as long."""

    form = VolumeTypeForm
    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "is_public", "spec_list", "qos_spec", "volumes_held")
    list_filter = ("is_public",)
    list_select_related = ("qos_spec",)
    search_fields = ("name", "id")
    ordering = ("name",)
    fields = (*OWN, "qos_spec", "specs", "projects")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the volumes of each along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(volume_total=Count("volumes"))
        return counted

    @admin.display(description="extra specs")
    def spec_list(self, row: VolumeType) -> str:
        """Show what it asks of pools."""
        return ", ".join(f"{key}={value}" for key, value in sorted(row.extra_specs.items()))

    @admin.display(description="volumes", ordering="volume_total")
    def volumes_held(self, row: Any) -> int:
        """Show how many volumes are of it."""
        return int(row.volume_total)

    def create(self, request: HttpRequest, values: Values) -> VolumeType:
        """Offer it, with its specs and who may use it."""
        own = {name: values[name] for name in OWN}
        row = VolumeTypeManager(self.context(request)).create(**own, extra_specs=values["specs"])
        self._write_access(request, row, values["projects"])
        self._write_qos(request, row, values["qos_spec"])
        return row

    def update(self, request: HttpRequest, row: VolumeType, values: Values) -> None:
        """Call it otherwise, say what it asks of pools and who may use it."""
        if own := {name: values[name] for name in OWN if name in values}:
            VolumeTypeManager(self.context(request)).update(row.pk, **own)
        if "specs" in values:
            self._write_specs(request, row, values["specs"])
        if "projects" in values:
            self._write_access(request, row, values["projects"])
        if "qos_spec" in values:
            self._write_qos(request, row, values["qos_spec"])

    def remove(self, request: HttpRequest, row: VolumeType) -> None:
        """Withdraw the type."""
        VolumeTypeManager(self.context(request)).delete(row.pk)

    def _write_specs(self, request: HttpRequest, row: VolumeType, wanted: dict[str, str]) -> None:
        manager = VolumeTypeExtraSpecManager(self.context(request))
        before = manager.list(row.pk)
        for key in before.keys() - wanted.keys():
            manager.delete(row.pk, key)
        if changed := {key: value for key, value in wanted.items() if before.get(key) != value}:
            manager.create(row.pk, changed)

    def _write_access(self, request: HttpRequest, row: VolumeType, wanted: set[str]) -> None:
        manager = VolumeTypeAccessManager(self.context(request))
        before = set(row.access.values_list("project_id", flat=True))
        for project_id in sorted(before - wanted):
            manager.remove(row.pk, project_id)
        for project_id in sorted(wanted - before):
            manager.add(row.pk, project_id)

    def _write_qos(self, request: HttpRequest, row: VolumeType, wanted: Any) -> None:
        manager = QosSpecManager(self.context(request))
        before = VolumeType.objects.get(pk=row.pk).qos_spec_id
        if before is not None and (wanted is None or wanted.pk != before):
            manager.disassociate(before, row.pk)
        if wanted is not None and wanted.pk != before:
            manager.associate(wanted.pk, row.pk)
