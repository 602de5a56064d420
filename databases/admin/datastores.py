"""The operators' page of what databases are offered."""

from __future__ import annotations

from django.contrib import admin

from cloudweb.admin import ManagedAdmin
from databases.models import DatastoreVersion


@admin.register(DatastoreVersion)
class DatastoreVersionAdmin(ManagedAdmin):
    """Versions of datastores, and how their servers are made."""

    list_display = ("name", "datastore", "manager", "number", "active", "created_at")
    list_filter = ("manager", "active")
    search_fields = ("name", "id")
    ordering = ("datastore__name", "name")
    fields = readonly_fields = ("id", *list_display, "image_id", "image_tags", "packages")
