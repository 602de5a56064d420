"""OAuth consumers, and whom they act for, in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin
from identity.manager import AccessTokenManager, ConsumerManager
from identity.models import AccessToken, Consumer


@admin.register(Consumer)
class ConsumerAdmin(EditableAdmin):
    """Programs that act for users; ``openstack consumer create`` makes one and shows its secret."""

    can_delete = True
    list_display = ("id", "description", "created_at")
    search_fields = ("id", "description")
    fields = ("id", "description", "created_at")

    def remove(self, request: HttpRequest, row: Consumer) -> None:
        """Remove it; what it does for users ends."""
        ConsumerManager(self.context(request)).delete(row.pk)


@admin.register(AccessToken)
class AccessTokenAdmin(EditableAdmin):
    """Which consumer acts for whom, where and until when."""

    can_delete = True
    list_display = ("consumer", "user", "project", "expires_at")
    list_select_related = ("consumer", "user", "project")
    search_fields = ("user__name", "project__name", "consumer__description")
    fields = ("consumer", "user", "project", "roles", "expires_at")

    def remove(self, request: HttpRequest, row: AccessToken) -> None:
        """Let it act no longer."""
        AccessTokenManager(self.context(request)).delete(row.user_id, row.pk)
