"""Host aggregates: zones, what hosts have in common, and for which projects they are kept."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin, Values
from compute.manager import AggregateManager
from compute.models import Aggregate, Host


class AggregateForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """An aggregate with its metadata, one key a line."""

    zone = forms.CharField(
        required=False,
        max_length=255,
        label="Availability zone",
        help_text="Its hosts go there; empty: they stay in theirs.",
    )
    items = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "key=value"}),
        required=False,
        label="Metadata",
        help_text=(
            "A flavor asks for a key by aggregate_instance_extra_specs:key=value. "
            "filter_tenant_id=project keeps the hosts for that project."
        ),
    )
    hosts = forms.ModelMultipleChoiceField(Host.objects.order_by("name"), required=False)

    class Meta:
        model = Aggregate
        fields = ("name", "zone", "hosts")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            lines = [f"{key}={value}" for key, value in sorted(self.instance.metadata.items())]
            self.initial["items"] = "\n".join(lines)

    def clean_items(self) -> dict[str, str]:
        """Return the metadata; refuse a line that is no ``key=value``."""
        found = {}
        for line in filter(None, map(str.strip, self.cleaned_data["items"].splitlines())):
            key, sign, value = line.partition("=")
            if not key.strip() or not sign or len(key) > 255 or len(value) > 255:
                raise forms.ValidationError(f"Not key=value: {line[:80]}")
            found[key.strip()] = value.strip()
        return found


@admin.register(Aggregate)
class AggregateAdmin(ManagedAdmin):
    """Aggregates with their hosts."""

    form = AggregateForm
    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "zone", "host_names", "said", "created_at")
    search_fields = ("name", "zone")
    ordering = ("name",)
    fields = ("name", "zone", "items", "hosts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the hosts along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.prefetch_related("hosts")

    @admin.display(description="hosts")
    def host_names(self, row: Aggregate) -> str:
        """Return the first hosts, and how many more there are."""
        names = sorted(host.name for host in row.hosts.all())
        return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

    @admin.display(description="metadata")
    def said(self, row: Aggregate) -> str:
        """Return what its hosts have in common."""
        return ", ".join(f"{key}={value}" for key, value in sorted(row.metadata.items()))

    def create(self, request: HttpRequest, values: Values) -> Aggregate:
        """Make it, with what it says and its hosts."""
        manager = AggregateManager(self.context(request))
        made = manager.create(name=values["name"], zone=values["zone"])
        self._write(manager, made, values)
        return made

    def update(self, request: HttpRequest, row: Aggregate, values: Values) -> None:
        """Write what changed."""
        manager = AggregateManager(self.context(request))
        manager.update(row.pk, name=values.get("name"), zone=values.get("zone"))
        self._write(manager, row, values)

    def remove(self, request: HttpRequest, row: Aggregate) -> None:
        """Remove it, if it is without hosts."""
        AggregateManager(self.context(request)).delete(row.pk)

    def _write(self, manager: AggregateManager, row: Aggregate, values: Values) -> None:
        now = manager.get(row.pk)
        if "items" in values:
            gone = dict.fromkeys(now.metadata.keys() - values["items"].keys())
            manager.set_metadata(row.pk, {**gone, **values["items"]})
        if "hosts" in values:
            before = {host.name for host in now.hosts.all()}
            wanted = {host.name for host in values["hosts"]}
            for name in sorted(before - wanted):
                manager.remove_host(row.pk, name)
            for name in sorted(wanted - before):
                manager.add_host(row.pk, name)
