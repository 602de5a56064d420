"""Servers of all projects for operators: by host and state, with the buttons of the records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ValuesFilter, bullets, pill, row_action
from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.patterns import Pattern
from cloudweb.policy import allows
from compute.cpu_sets import cpu_set
from instances.actions import ACTIONS, Button, InstanceAction
from instances.admin.why_here import ConsideredAdmin
from instances.manager import InstanceManager
from instances.models import Instance
from instances.states import VmState, status_of
from network.manager import FloatingIpManager, PortManager
from operations.admin import link_to
from operations.history import newest_of

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


#: What an address looks like, whole or its beginning.
ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){1,3}\.?|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){1,7}")


class ServerList(ChangeList):
    """A page of servers, each with its newest operation."""

    def get_results(self, request: HttpRequest) -> None:
        """Read them for the whole page."""
        super().get_results(request)
        newest = newest_of("instance", [str(one.pk) for one in self.result_list])
        for one in self.result_list:
            one.newest_operation = newest.get(str(one.pk))


@admin.register(Instance)
class InstanceAdmin(ConsideredAdmin):
    """Servers; what is deleted shows when it is asked for by its state, or by its address."""

    most_at_once = 200  # all of them are named before
    list_display = (
        *("name", "status", "task_state", "host", "fault", "last_operation", "size"),
        *("created_at", "id", "project_id", "user_id"),
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
        (
            "Made of",
            {"fields": ("size", "numa_nodes", "disk", "image_id", "key_name", "reservation_id")},
        ),
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
        """Take an id for a server's or a project's, an address for a server's; the rest is in names and hosts."""
        term = search_term.strip().lower()
        key = as_uuid(term)
        if key is not None:
            return queryset.filter(Q(id=key) | Q(project_id__in=[str(key), key.hex])), False
        if ADDRESS.fullmatch(term):
            ports = {
                *PortManager(self.context(request)).ids_at(
                    Pattern(f"^{re.escape(term)}", field="q")
                ),
                *FloatingIpManager(self.context(request)).led_to(term),
            }
            return queryset.filter(ports__port_id__in=ports), True
        return super().get_search_results(request, queryset, search_term)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Show with each server of a page what was done to it last: one query more."""
        return ServerList

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

    @admin.display(description="fault")
    def fault(self, server: Instance) -> str:
        """Return why it is in error."""
        return server.fault_message[:80] if server.vm_state == VmState.ERROR else ""

    @admin.display(description="last operation")
    def last_operation(self, server: Instance) -> SafeString:
        """Link to what was done to it last, and say how it ended."""
        found = getattr(server, "newest_operation", None)
        return link_to(found, f"{found.kind}: {found.state.lower()}") if found else SafeString("-")

    @admin.display(description="size", ordering="ram")
    def size(self, server: Instance) -> str:
        """Return the flavor with what it is."""
        return f"{server.flavor_name}: {server.vcpus} vCPU, {server.ram:,} MiB"

    @admin.display(description="NUMA nodes")
    def numa_nodes(self, server: Instance) -> SafeString | str:
        """Show each with where it is on the server's host."""
        return bullets([(_node_words(cell),) for cell in server.cells or ()])


def _node_words(cell: Mapping[str, Any]) -> str:
    """Return ``CPUs 0-1 pinned to 8, 9 and 2-3 shared of cell 1, 256 MiB in pages of 2,048 KiB``."""
    number = len(cell["pins"])
    own, rest = cell["cpus"][:number], cell["cpus"][number:]
    found = [f"{cpu_set(own)} pinned to {', '.join(map(str, cell['pins']))}"] if own else []
    found += [f"{cpu_set(rest)} shared"] if rest else []
    pages = f" in pages of {cell['page_size']:,} KiB" if cell["page_size"] else ""
    where = f"of cell {cell['host_cell']}"
    return f"CPUs {' and '.join(found)} {where}, {cell['ram']:,} MiB{pages}"


def _offered(action: InstanceAction, button: Button) -> Any:
    done, warning = f"accepted: {button.label}", button.warning_all or button.warning
    return row_action(button.label, done, partial(_press, action), warning=warning)


def _press(action: InstanceAction, context: RequestContext, server: Instance) -> None:
    action.done_by(InstanceManager(context), str(server.id))
