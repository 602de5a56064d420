"""Fences: how each host is switched off and on from outside."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, Values, pill, row_action
from compute.manager import HostFenceManager
from compute.models import HostFence


class FenceForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Where the power control is, and who asks it. A password is written, never shown."""

    new_password = forms.CharField(
        required=False,
        strip=False,
        max_length=255,
        label="Password",
        help_text="Empty: as it was.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = HostFence
        fields = ("host", "kind", "address", "user", "machine", "verify", "ca")
        help_texts = {
            "address": "Redfish: https://10.0.0.9; IPMI: 10.0.0.9 or 10.0.0.9:623.",
            "machine": "Redfish: the machine's id, where its service has several.",
            "verify": "Redfish: check its certificate.",
            "ca": "Redfish: certificates (PEM) that vouch for it; empty: the system's.",
        }


@admin.register(HostFence)
class HostFenceAdmin(ManagedAdmin):
    """Fences with what they said last."""

    form = FenceForm
    can_add = True
    can_change = True
    can_delete = True
    actions = ("ask",)
    list_display = ("host", "kind", "address", "machine", "said", "power_at", "error")
    list_filter = ("kind",)
    list_select_related = ("host",)
    search_fields = ("host__name", "address")
    fields = ("host", "kind", "address", "user", "new_password", "machine", "verify", "ca")

    def get_readonly_fields(self, request: HttpRequest, obj: HostFence | None = None) -> Any:
        """Keep the host of what is there."""
        return () if obj is None else ("host",)

    @admin.display(description="power")
    def said(self, row: HostFence) -> SafeString:
        """Return what the power control said last."""
        return pill(row.power or "not asked yet", good={"on": True, "off": False}.get(row.power))

    def create(self, request: HttpRequest, values: Values) -> HostFence:
        """Say how a host is switched off."""
        facts = {name: value for name, value in values.items() if name not in FORM_ONLY}
        manager = HostFenceManager(self.context(request))
        return manager.configure(
            values["host"].name, **facts, password=values["new_password"] or None
        )

    def update(self, request: HttpRequest, row: HostFence, values: Values) -> None:
        """Say it anew; what changed is in the row already."""
        names = ("kind", "address", "user", "machine", "verify", "ca")
        facts = {name: getattr(row, name) for name in names}
        manager = HostFenceManager(self.context(request))
        manager.configure(row.host.name, **facts, password=values.get("new_password") or None)

    def remove(self, request: HttpRequest, row: HostFence) -> None:
        """Forget it."""
        HostFenceManager(self.context(request)).forget(row.host.name)

    ask = row_action(
        "Ask the power control (a test of the settings)",
        "being asked; the list shows what it says",
        lambda context, row: HostFenceManager(context).power(row.host.name, ""),
    )


FORM_ONLY = ("host", "new_password")
