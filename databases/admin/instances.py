"""The operators' page of databases of all projects: what failed, whose guest is silent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, pill, row_action
from cloudweb.database.clock import now
from databases.manager import DatabaseInstanceManager
from databases.models import DatabaseInstance, DatastoreVersion
from databases.states import OperatingStatus

#: A guest that was not heard of for so long is silent.
SILENT = timedelta(minutes=5)
_SERVES = (OperatingStatus.HEALTHY, OperatingStatus.ACTIVE)


class NeedsALook(admin.SimpleListFilter):
    """Databases that failed, that say that they do not serve, or whose guest is silent."""

    title = "needs a look"
    parameter_name = "look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the reasons."""
        return [("failed", "Failed"), ("down", "Not serving"), ("silent", "Silent guest")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DatabaseInstance]
    ) -> QuerySet[DatabaseInstance]:
        """Keep those."""
        found = {
            "failed": Q(fault_at__isnull=False) | ~Q(fault_message=""),
            "down": Q(operating_status__in=(OperatingStatus.FAILED, OperatingStatus.UNKNOWN)),
            "silent": Q(agent__reported_at__lt=now() - SILENT),
        }
        chosen = self.value()
        return queryset.filter(found[chosen]) if chosen in found else queryset


class ByVersion(admin.RelatedFieldListFilter):
    """Datastore versions, each with its datastore's name."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        """Read versions and datastores in one statement."""
        versions = DatastoreVersion.objects.select_related("datastore")
        return [(one.pk, str(one)) for one in versions]


@admin.register(DatabaseInstance)
class DatabaseInstanceAdmin(ManagedAdmin):
    """Databases of all projects."""

    actions = ("restart", "rebuild", "reset_status", "delete_database")
    list_display = (
        "name", "state", "serves", "kind", "address", "fault_message", "project_id", "reported_at", "created_at",
    )  # fmt: skip
    list_filter = (NeedsALook, "is_scratch", ("version", ByVersion), "task", "operating_status")
    search_fields = ("name", "id", "project_id", "server_id", "addresses")
    ordering = NEWEST_FIRST
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "id",
                    "name",
                    "project_id",
                    "user_id",
                    "state",
                    "serves",
                    "kind",
                    "is_scratch",
                )
            },
        ),
        ("Fault", {"fields": ("fault_message", "fault_detail", "fault_at", "operations")}),
        ("Size", {"fields": ("flavor_id", "ram", "volume_size", "volume_used", "volume_type")}),
        ("Network", {"fields": ("network_id", "address", "is_public", "allowed_cidrs")}),
        ("Replication", {"fields": ("replica_of",)}),
        ("Settings", {"fields": ("configuration", "restart_required", "root_enabled_at")}),
        (
            "Parts",
            {"fields": ("parts_project_id", "server_id", "volume_id", "port_id", "group_id")},
        ),
        ("Times", {"fields": ("reported_at", "created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatabaseInstance]:
        """Read along what the list shows."""
        rows: QuerySet[DatabaseInstance] = super().get_queryset(request)
        return rows.select_related("version__datastore")

    @admin.display(description="status", ordering="task")
    def state(self, row: DatabaseInstance) -> SafeString:
        """Return its one word."""
        return pill(row.status, good=False if row.fault_at else not row.task or None)

    @admin.display(description="guest says", ordering="operating_status")
    def serves(self, row: DatabaseInstance) -> SafeString:
        """Return what its guest says of the datastore."""
        failed = row.operating_status in (OperatingStatus.FAILED, OperatingStatus.UNKNOWN)
        good = False if failed else row.operating_status in _SERVES or None
        return pill(row.operating_status, good=good)

    @admin.display(description="datastore")
    def kind(self, row: DatabaseInstance) -> str:
        """Return its datastore and version."""
        return f"{row.version.datastore.name} {row.version.name}"

    @admin.display(description="address")
    def address(self, row: DatabaseInstance) -> str:
        """Return its addresses."""
        return " ".join(row.addresses) or "-"

    @admin.display(description="operations")
    def operations(self, row: DatabaseInstance) -> SafeString:
        """Lead to what was done to it."""
        url = reverse("admin:operations_operation_changelist")
        return format_html('<a href="{}?q={}">all of them</a>', url, row.id)

    restart = row_action(
        "Restart",
        "being restarted",
        lambda context, row: DatabaseInstanceManager(context).restart(str(row.id)),
        warning="Their clients lose their connections and come back by themselves.",
    )
    rebuild = row_action(
        "Rebuild from the image of its version",
        "being rebuilt",
        lambda context, row: DatabaseInstanceManager(context).rebuild(str(row.id)),
        warning="Their servers are made anew, off meanwhile; their data stay on their volumes. "
        "This is also for those that failed.",
    )
    reset_status = row_action(
        "Reset the status: what hangs has failed",
        "said to have failed",
        lambda context, row: DatabaseInstanceManager(context).reset_status(str(row.id)),
        warning="They can be deleted then; nothing else can be done to them.",
    )
    delete_database = row_action(
        "Delete",
        "being deleted",
        lambda context, row: DatabaseInstanceManager(context).delete(str(row.id)),
        warning="What is in them is gone for good. Their backups stay.",
    )
