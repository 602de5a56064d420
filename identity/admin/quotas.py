"""Quotas in the operator's console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from identity import quotas
from identity.admin.editable import EditableAdmin, Values
from identity.manager import QuotaManager
from identity.models import Project, ProjectQuota


class QuotaForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A project, a service, and the limits that differ from the defaults."""

    class Meta:
        model = ProjectQuota
        fields = ("project_id", "service", "limits")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "project_id" in self.fields:
            names = Project.objects.order_by("name").values_list("pk", "name")
            self.fields["project_id"] = forms.ChoiceField(choices=list(names), label="Project")
            known = [(name, name) for name in quotas.services()]
            self.fields["service"] = forms.ChoiceField(choices=known)
        self.fields["limits"].help_text = " ".join(
            f"{name}: {', '.join(f'{key} {limit}' for key, limit in quotas.defaults(name).items())}."
            for name in quotas.services()
        )

    def clean_limits(self) -> dict[str, int]:
        """Take an object of whole numbers."""
        limits = self.cleaned_data["limits"] or {}
        if not isinstance(limits, dict) or not all(type(one) is int for one in limits.values()):
            raise forms.ValidationError('Write an object such as {"cores": 40}; -1 is unlimited.')
        return limits


@admin.register(ProjectQuota)
class ProjectQuotaAdmin(EditableAdmin):
    """Limits that differ from the defaults."""

    can_add = True
    can_change = True
    form = QuotaForm
    list_display = ("project_id", "service", "limits")
    list_filter = ("service",)
    search_fields = ("project_id",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: ProjectQuota | None = None
    ) -> list[str]:
        """Keep a quota with its project and service."""
        return ["project_id", "service"] if obj else []

    def create(self, request: HttpRequest, values: Values) -> ProjectQuota:
        """Set limits of a project that had the defaults."""
        project_id, service = values["project_id"], values["service"]
        QuotaManager(self.context(request)).replace(project_id, service, values["limits"])
        return ProjectQuota.objects.get(project_id=project_id, service=service)

    def update(self, request: HttpRequest, row: ProjectQuota, values: Values) -> None:
        """Set other limits."""
        if "limits" in values:
            manager = QuotaManager(self.context(request))
            manager.replace(row.project_id, row.service, values["limits"])
