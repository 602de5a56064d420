"""QoS specs, and how many types refer to each."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin, Values
from volume.admin.specs import SpecsField, written
from volume.manager import QosSpecManager
from volume.models import QosSpec


class QosSpecForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Name, consumer, and the keys, one a line."""

    keys = SpecsField(label="Specs")

    class Meta:
        model = QosSpec
        fields = ("name", "consumer")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["keys"] = written(self.instance.specs)


@admin.register(QosSpec)
class QosSpecAdmin(ManagedAdmin):
    """QoS specs."""

    form = QosSpecForm
    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "consumer", "spec_list", "types_held")
    list_filter = ("consumer",)
    search_fields = ("name", "id")
    ordering = ("name",)
    fields = ("name", "consumer", "keys")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the types that refer to each along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(type_total=Count("volume_types"))
        return counted

    def get_readonly_fields(self, request: HttpRequest, obj: QosSpec | None = None) -> Any:
        """Keep the name of what is there."""
        return () if obj is None else ("name",)

    @admin.display(description="specs")
    def spec_list(self, row: QosSpec) -> str:
        """Show what it holds volumes to."""
        return ", ".join(f"{key}={value}" for key, value in sorted(row.specs.items()))

    @admin.display(description="volume types", ordering="type_total")
    def types_held(self, row: Any) -> int:
        """Show how many types refer to it."""
        return int(row.type_total)

    def create(self, request: HttpRequest, values: Values) -> QosSpec:
        """Make QoS specs."""
        manager = QosSpecManager(self.context(request))
        return manager.create(
            name=values["name"], consumer=values["consumer"], specs=values["keys"]
        )

    def update(self, request: HttpRequest, row: QosSpec, values: Values) -> None:
        """Set keys and consumer, take away the keys that are gone."""
        manager = QosSpecManager(self.context(request))
        wanted = values.get("keys", row.specs)
        before = manager.get(row.pk).specs
        manager.update(row.pk, specs=wanted, consumer=values.get("consumer"))
        if gone := before.keys() - wanted.keys():
            manager.delete_keys(row.pk, gone)

    def remove(self, request: HttpRequest, row: QosSpec) -> None:
        """Remove them; refused while types refer to them."""
        QosSpecManager(self.context(request)).delete(row.pk)
