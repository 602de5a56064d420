"""Flavors: add, describe, grant and withdraw."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin, Values
from compute.extra_specs import refused
from compute.manager import FlavorAccessManager, FlavorExtraSpecManager, FlavorManager
from compute.models import Flavor

SIZE = ("name", "ram", "vcpus", "disk", "ephemeral", "swap", "rxtx_factor", "is_public")


class FlavorForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A flavor, its extra specs and the projects that may use it, one a line."""

    id = forms.RegexField(
        r"^[a-zA-Z0-9._-]([a-zA-Z0-9. _-]*[a-zA-Z0-9._-])?$",
        max_length=255,
        required=False,
        help_text="Empty: one is made.",
    )
    specs = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "key=value"}),
        required=False,
        label="Extra specs",
    )
    projects = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "project id"}),
        required=False,
        label="Projects with access",
        help_text="For a flavor that is not public.",
    )

    class Meta:
        model = Flavor
        fields = ("id", *SIZE, "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        flavor = self.instance
        if flavor.pk:
            self.initial["specs"] = "\n".join(f"{k}={v}" for k, v in flavor.specs().items())
            granted = flavor.access.values_list("project_id", flat=True)
            self.initial["projects"] = "\n".join(granted)

    def clean_specs(self) -> dict[str, str]:
        """Return the extra specs; refuse a line that is no ``key=value``."""
        specs = {}
        for line in filter(None, map(str.strip, self.cleaned_data["specs"].splitlines())):
            key, sign, value = line.partition("=")
            if not key or not sign or len(key) > 255 or len(value) > 255:
                raise forms.ValidationError(f"Not key=value: {line[:80]}")
            specs[key.strip()] = value.strip()
        known = self.instance.specs() if self.instance.pk else {}
        for key, value in specs.items():
            why = refused(key, value) if known.get(key) != value else ""
            if why:
                raise forms.ValidationError(f"{key}: {why}")
        return specs

    def clean_projects(self) -> set[str]:
        """Return the ids of the projects."""
        projects = set(self.cleaned_data["projects"].split())
        if any(len(project) > 64 for project in projects):
            raise forms.ValidationError("A project id has at most 64 characters.")
        return projects

    def clean_description(self) -> str | None:
        """Turn an empty description into none."""
        return self.cleaned_data["description"] or None


@admin.register(Flavor)
class FlavorAdmin(ManagedAdmin):
    """Flavors; a size once offered is only described or withdrawn."""

    form = FlavorForm
    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "vcpus", "ram", "disk", "ephemeral", "swap", "is_public")
    list_filter = ("is_public",)
    search_fields = ("name", "=id")
    ordering = ("ram", "vcpus", "disk")
    fields = ("id", *SIZE, "description", "specs", "projects")

    def get_readonly_fields(self, request: HttpRequest, obj: Flavor | None = None) -> Any:
        """Keep a size that is offered as it is."""
        return () if obj is None else ("id", *SIZE)

    def create(self, request: HttpRequest, values: Values) -> Flavor:
        """Offer it, with its specs and who may use it."""
        size = {name: values[name] for name in SIZE}
        flavor = FlavorManager(self.context(request)).create(
            **size, flavor_id=values["id"] or None, description=values["description"]
        )
        self._write_specs(request, flavor, values["specs"])
        self._write_access(request, flavor, values["projects"])
        return flavor

    def update(self, request: HttpRequest, row: Flavor, values: Values) -> None:
        """Describe it, say who may use it."""
        if "description" in values:
            FlavorManager(self.context(request)).update(row.pk, description=values["description"])
        if "specs" in values:
            self._write_specs(request, row, values["specs"])
        if "projects" in values:
            self._write_access(request, row, values["projects"])

    def remove(self, request: HttpRequest, row: Flavor) -> None:
        """Withdraw the flavor."""
        FlavorManager(self.context(request)).delete(row.pk)

    def _write_specs(self, request: HttpRequest, flavor: Flavor, wanted: dict[str, str]) -> None:
        manager = FlavorExtraSpecManager(self.context(request))
        before = manager.list(flavor.pk)
        for key in before.keys() - wanted.keys():
            manager.delete(flavor.pk, key)
        if changed := {key: value for key, value in wanted.items() if before.get(key) != value}:
            manager.create(flavor.pk, changed)

    def _write_access(self, request: HttpRequest, flavor: Flavor, wanted: set[str]) -> None:
        manager = FlavorAccessManager(self.context(request))
        before = set(flavor.access.values_list("project_id", flat=True))
        for project_id in sorted(before - wanted):
            manager.remove(flavor.pk, project_id)
        for project_id in sorted(wanted - before):
            manager.add(flavor.pk, project_id)
