"""Identity providers and mappings in the operator's console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import IdentityProviderManager, MappingManager
from identity.models import IdentityProvider, Mapping


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A registration; the secret is written, never shown."""

    client_secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput,
        help_text="Leave it empty to keep the one that is stored.",
    )

    class Meta:
        model = IdentityProvider
        fields = (
            "description",
            "enabled",
            "label",
            "issuer",
            "client_id",
            "client_secret",
            "scopes",
            "audiences",
            "hosts",
            "asks_userinfo",
            "authorization_ttl",
        )


@admin.register(IdentityProvider)
class IdentityProviderAdmin(EditableAdmin):
    """Who else may vouch for users; ``manage.py identity_provider`` registers a new one."""

    form = ProviderForm
    can_change = True
    can_delete = True
    list_display = ("id", "label", "issuer", "domain", "enabled")
    list_select_related = ("domain",)
    search_fields = ("id", "issuer")

    def update(self, request: HttpRequest, row: IdentityProvider, values: Values) -> None:
        """Change it; an empty secret is none to store."""
        changes: dict[str, Any] = dict(values)
        if not changes.get("client_secret"):
            changes.pop("client_secret", None)
        IdentityProviderManager(self.context(request)).update(row.pk, **changes)

    def remove(self, request: HttpRequest, row: IdentityProvider) -> None:
        """Remove it; its users are locked out."""
        IdentityProviderManager(self.context(request)).delete(row.pk)


@admin.register(Mapping)
class MappingAdmin(EditableAdmin):
    """Rules that turn a provider's claims into users and groups."""

    can_change = True
    list_display = ("id", "created_at")
    search_fields = ("id",)
    fields = ("rules",)

    def update(self, request: HttpRequest, row: Mapping, values: Values) -> None:
        """Change the rules; they count from the next log-in on."""
        MappingManager(self.context(request)).update(row.pk, **values)
