"""Forms of the operator's console whose values go to a manager instead of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin
from identity.models import DEFAULT_DOMAIN_ID

Values = Mapping[str, Any]


class EditableAdmin(ManagedAdmin):
    """A table whose rows operators add, change or delete where a subclass says so.

    ``create``, ``update`` and ``remove`` call the manager with ``self.context(request)``.
    """

    can_add: ClassVar[bool] = False
    can_change: ClassVar[bool] = False
    can_delete: ClassVar[bool] = False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin where most rows belong: in the default domain."""
        begun: dict[str, Any] = super().get_changeform_initial_data(request)
        names = {column.name for column in self.opts.fields if not column.null}
        return {"domain": DEFAULT_DOMAIN_ID, **begun} if "domain" in names else begun

    def create(self, request: HttpRequest, values: Values) -> Model:
        """Create a row from the form's values."""
        raise NotImplementedError

    def update(self, request: HttpRequest, row: Any, values: Values) -> None:
        """Write those values of the form that changed."""
        raise NotImplementedError

    def remove(self, request: HttpRequest, row: Any) -> None:
        """Remove a row."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer the form where there is a manager method behind it."""
        return self.can_add and _is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer the form where there is a manager method behind it."""
        return self.can_change and _is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer the button where there is a manager method behind it."""
        return self.can_delete and _is_operator(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Hand the form's values to the manager."""
        values = form.cleaned_data
        if change:
            self.update(request, obj, {name: values[name] for name in form.changed_data})
        else:
            obj.pk = self.create(request, values).pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Hand the row to the manager."""
        self.remove(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Hand each row to the manager."""
        for row in queryset:
            self.remove(request, row)


def _is_operator(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_staff", False))
