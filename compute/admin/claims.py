"""Claims: what of which host is promised to which server. To look at only."""

from __future__ import annotations

from django.contrib import admin

from cloudweb.admin import ManagedAdmin, ValuesFilter
from compute.models import Claim


@admin.register(Claim)
class ClaimAdmin(ManagedAdmin):
    """Claims by server and host."""

    list_display = ("instance_id", "host_name", "project_id", "vcpus", "ram", "disk", "created_at")
    list_filter = (("host__zone", ValuesFilter),)
    list_select_related = ("host",)
    search_fields = ("=instance_id", "host__name", "=project_id")

    @admin.display(description="host", ordering="host__name")
    def host_name(self, claim: Claim) -> str:
        """Return the host's name."""
        return claim.host.name
