"""Operators' pages: operations with their timelines, services, debts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, pill, row_action
from cloudweb.exceptions import CloudwebError
from operations import standing
from operations.history import entry_of
from operations.holding import held_by
from operations.manager import OperationManager
from operations.models import Debt, Operation, Service
from operations.periodic import admin as _periodic  # noqa: F401 - registers its page
from operations.services import up
from operations.states import OperationState


def link_to(operation: Operation | None, text: str = "") -> SafeString:
    """Return a link to an operation's page, by its name or another text."""
    if operation is None:
        return SafeString("-")
    url = reverse("admin:operations_operation_change", args=[operation.id])
    return format_html('<a href="{}">{}</a>', url, text or operation)


@admin.register(Operation)
class OperationAdmin(ManagedAdmin):
    """What is being done, was done, and got stuck; retry and cancel go through the manager."""

    list_display = (
        "kind",
        "resource",
        "state_pill",
        "project_id",
        "created_at",
        "finished_at",
        "error_public",
    )
    list_filter = ("state", "kind", "direction")
    search_fields = ("=id", "=resource_id", "=request_id", "=project_id")
    actions = ("retry", "cancel")
    fields = ("timeline", "kind", "resource", "state_pill", "direction", "held", "behind", "parent",
              "request_id", "records", "user_id", "project_id", "epoch", "owner", "next_at",
              "deadline_at", "excluded_hosts", "error_code", "error_public", "error_detail")  # fmt: skip
    readonly_fields = fields
    change_form_template = "admin/operations/operation/change_form.html"

    @admin.display(description="resource")
    def resource(self, row: Operation) -> str:
        """Show what it is about."""
        return f"{row.resource_type} {row.resource_id}"

    @admin.display(description="state", ordering="state")
    def state_pill(self, row: Operation) -> SafeString:
        """Show the state in colour."""
        ends = {OperationState.DONE.value: True, OperationState.FAILED.value: False}
        return pill(row.get_state_display(), good=ends.get(row.state))

    @admin.display(description="holds")
    def held(self, row: Operation) -> str:
        """Show all that others have to leave alone meanwhile."""
        return ", ".join(str(resource) for resource in held_by(row)) or "nothing"

    @admin.display(description="waits for")
    def behind(self, row: Operation) -> SafeString:
        """Link to the operation that has to end first."""
        return link_to(row.after) if row.state == OperationState.QUEUED else SafeString("-")

    @admin.display(description="part of")
    def parent(self, row: Operation) -> SafeString:
        """Link to the operation of which this one is a step."""
        return link_to(row.parent_step.operation if row.parent_step else None)

    @admin.display(description="timeline")
    def timeline(self, row: Operation) -> SafeString:
        """Show every step: when, where, how often, and what went wrong."""
        context = {"entry": entry_of(row), "for_operator": True}
        return SafeString(render_to_string("components/timeline.html", context))

    @admin.display(description="audit log")
    def records(self, row: Operation) -> SafeString:
        """Link to what the audit log has of the request that started it."""
        url = f"{reverse('admin:audit_record_changelist')}?{urlencode({'request_id': row.request_id})}"
        return format_html('<a href="{}">Records of this request</a>', url)

    retry = row_action(
        "Try again now",
        "being worked on",
        lambda context, row: OperationManager(context).retry(row.id),
    )
    cancel = row_action(
        "Cancel: undo what was done",
        "being undone",
        lambda context, row: OperationManager(context).cancel(row.id),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons of one operation's page."""
        steer = self.admin_site.admin_view(self.steer)
        name = "operations_operation_steer"
        return [path("<path:object_id>/steer", steer, name=name), *super().get_urls()]

    def steer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Do what a button says, then show the operation."""
        manager = OperationManager(self.context(request))
        back = HttpResponseRedirect(reverse("admin:operations_operation_change", args=[object_id]))
        if request.method != "POST":
            return back
        try:
            if "cancel" in request.POST:
                manager.cancel(object_id)
                self.message_user(request, "It is being undone.")
            else:
                manager.retry(object_id)
                self.message_user(request, "It is being worked on.")
        except CloudwebError as error:
            self.message_user(request, error.message, level="error")
        return back


@admin.register(Service)
class ServiceAdmin(ManagedAdmin):
    """Who reports, since when, and speaking what."""

    list_display = ("topic", "state", "version", "release", "last_seen_at", "up_since")
    list_filter = ("domain",)
    search_fields = ("topic",)
    fields = (
        "topic",
        "domain",
        "host",
        "version",
        "release",
        "waits",
        "behind_in",
        "speaks",
        "boot_id",
        "up_since",
        "last_seen_at",
        "grace_until",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Service]:
        """Mark those that are up."""
        living = Service.objects.filter(up(), id=OuterRef("id"))
        rows: QuerySet[Service] = super().get_queryset(request).annotate(alive=Exists(living))
        return rows

    @admin.display(description="state")
    def state(self, row: Any) -> SafeString:
        """Show up or down."""
        return pill("up" if row.alive else "down", good=row.alive)

    @admin.display(description="beside this code")
    def release(self, row: Service) -> SafeString:
        """Show whether it has to be upgraded."""
        age = standing.age_of(row)
        return pill(age, good={"as this": True, "behind": False}.get(age))

    @admin.display(description="waits for its upgrade")
    def waits(self, row: Service) -> str:
        """Say what could not be done for its age."""
        return "\n".join(standing.waits_for(row)) or "nothing"

    @admin.display(description="behind in")
    def behind_in(self, row: Service) -> str:
        """Name the methods that it speaks in an older version, or not at all."""
        said = [f"{name} {theirs} ({ours})" for name, (theirs, ours) in standing.older(row).items()]
        return (
            ", ".join([*said, *(f"{name} (unknown)" for name in standing.lacks(row))]) or "nothing"
        )


@admin.register(Debt)
class DebtAdmin(ManagedAdmin):
    """What hosts owe because they were down."""

    list_display = ("host", "scope", "method", "created_at", "attempts", "paid")
    list_filter = ("host", ("paid_at", admin.EmptyFieldListFilter))
    search_fields = ("scope", "host")
    fields = ("host", "scope", "method", "epoch", "operation", "created_at", "handed_at", "attempts",
              "error_detail", "paid_at")  # fmt: skip
    readonly_fields = fields

    @admin.display(description="paid", boolean=True)
    def paid(self, row: Debt) -> bool:
        """Show whether it is settled."""
        return row.paid_at is not None

    @admin.display(description="operation")
    def operation(self, row: Debt) -> SafeString:
        """Link to what it comes from."""
        url = reverse("admin:operations_operation_change", args=[row.operation_id])
        return format_html('<a href="{}">{}</a>', url, row.operation_id)
