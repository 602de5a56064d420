"""Servers of all projects for operators: by host and state, with the buttons of the records."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ValuesFilter, pill, row_action
from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.policy import allows
from instances.actions import ACTIONS, Button, InstanceAction
from instances.admin.why_here import ConsideredAdmin
from instances.manager import InstanceManager
from instances.models import Instance
from instances.states import VmState, status_of

#: What tenants have no button for.
BUTTONS = {
    "evacuate": Button(
        label="Evacuate",
        icon="",
        done="",
        warning="They are built again on other hosts, if their host is known to be dead. What was on "
        "disks of their own is lost; volumes and addresses go with them.",
    ),
}


@admin.register(Instance)
class InstanceAdmin(ConsideredAdmin):
    """Servers; what is deleted shows when it is asked for by its state, or by its address."""

    most_at_once = 200  # all of them are named before
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
        (
            "States",
            {
                "fields": (
                    "vm_state",
                    "task_state",
                    "power_state",
                    "host",
                    "zone",
                    "placement",
                    "server_group",
                    "locked_by",
                    "locked_reason",
                )
            },
        ),
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
        context = self.context(request)
        return {
            name: (_offered(action, button), name, button.label)
            for name, action in ACTIONS.items()
            if (button := BUTTONS.get(name, action.button))
            and not button.page
            and allows(context, action.policy)
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


def _offered(action: InstanceAction, button: Button) -> Any:
    done, warning = f"accepted: {button.label}", button.warning_all or button.warning
    return row_action(button.label, done, partial(_press, action), warning=warning)


def _press(action: InstanceAction, context: RequestContext, server: Instance) -> None:
    action.done_by(InstanceManager(context), str(server.id))
