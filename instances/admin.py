"""Servers of all projects for operators: by host and state, with the buttons of the records."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, ValuesFilter, pill
from cloudweb.identifiers import as_uuid
from cloudweb.policy import allows
from instances.actions import ACTIONS, InstanceAction
from instances.manager import InstanceManager
from instances.models import Instance
from instances.states import VmState, status_of

#: So many servers may be acted on with one click: all of them are named before.
AT_ONCE = 200


@admin.register(Instance)
class InstanceAdmin(ManagedAdmin):
    """Servers; what is deleted shows when it is asked for by its state, or by its address."""

    list_display = (
        "name",
        "id",
        "project_id",
        "status",
        "task_state",
        "host",
        "size",
        "created_at",
    )
    list_filter = ("vm_state", ("host", ValuesFilter), ("zone", ValuesFilter))
    search_fields = ("name", "host")
    fieldsets = (
        (None, {"fields": ("name", "id", "description", "project_id", "user_id", "status")}),
        ("States", {"fields": ("vm_state", "task_state", "power_state", "host", "zone")}),
        ("Made of", {"fields": ("size", "disk", "image_id", "key_name", "reservation_id")}),
        ("What went wrong", {"fields": ("fault_message", "fault_detail", "fault_at")}),
        ("When", {"fields": ("created_at", "launched_at", "updated_at", "terminated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Instance]:
        """Leave out the deleted ones where nobody asks for them."""
        rows: QuerySet[Instance] = super().get_queryset(request)
        one = request.resolver_match is not None and "object_id" in request.resolver_match.kwargs
        return (
            rows
            if one or "vm_state__exact" in request.GET
            else rows.exclude(vm_state=VmState.DELETED)
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Instance], search_term: str
    ) -> tuple[QuerySet[Instance], bool]:
        """Take an id for a server's or a project's; search anything else in names and hosts."""
        key = as_uuid(search_term.strip())
        if key is None:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(Q(id=key) | Q(project_id__in=[str(key), key.hex])), False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the records have buttons for that need nothing else, and this operator may."""
        return {
            name: (partial(_press, action=action), name, action.button.label)
            for name, action in ACTIONS.items()
            if action.button
            and not action.button.page
            and allows(self.context(request), action.policy)
        }

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, or do an action on it."""
        return super().changelist_view(request, {"title": "Servers", **(extra_context or {})})

    @admin.display(description="status", ordering="vm_state")
    def status(self, server: Instance) -> SafeString:
        """Return the word of the API."""
        good = {VmState.ACTIVE: True, VmState.ERROR: False}.get(VmState(server.vm_state))
        return pill(status_of(server.vm_state, server.task_state), good=good)

    @admin.display(description="size", ordering="ram")
    def size(self, server: Instance) -> str:
        """Return the flavor with what it is."""
        return f"{server.flavor_name}: {server.vcpus} vCPU, {server.ram:,} MiB"


def _press(
    page: InstanceAdmin, request: HttpRequest, rows: QuerySet[Instance], *, action: InstanceAction
) -> TemplateResponse | None:
    """Do an action to each, asked before where its button has a warning."""
    button = action.button
    assert button is not None
    if rows.count() > AT_ONCE:
        page.message_user(request, f"At most {AT_ONCE} at once.", messages.ERROR)
        return None
    if button.warning and "sure" not in request.POST:
        shown = {
            **page.admin_site.each_context(request),
            "title": f"{button.label}: are you sure?",
            "opts": page.opts,
            "button": button,
            "name": action.name,
            "servers": rows,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/instances/instance/sure.html", shown)
    manager = InstanceManager(page.context(request))
    page.act(
        request, rows, f"accepted: {button.label}", lambda row: action.done_by(manager, str(row.id))
    )
    return None
