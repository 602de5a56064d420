"""What the forms of identity share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin, Values
from identity.models import DEFAULT_DOMAIN_ID

__all__ = ["EditableAdmin", "Values"]


class EditableAdmin(ManagedAdmin):
    """A table of identity's, whose rows operators add, change or delete where a subclass says so."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin where most rows belong: in the default domain."""
        begun: dict[str, Any] = super().get_changeform_initial_data(request)
        names = {column.name for column in self.opts.fields if not column.null}
        return {"domain": DEFAULT_DOMAIN_ID, **begun} if "domain" in names else begun
