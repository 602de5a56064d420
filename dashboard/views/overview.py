"""The first page: what is used, what is going on, what came last."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.listing import SortKey
from dashboard.components.databases import bars_among_others
from dashboard.components.servers import activity_of
from dashboard.components.usage import bars
from dashboard.components.volumes import volume_bars
from dashboard.views.page import Page
from dashboard.views.servers import Servers
from instances.manager import InstanceManager, LimitsManager

SHOWN = 6


class Overview(Page):
    """Usage against quota, servers in motion, the servers that changed last."""

    section = "overview"
    template = "dashboard/overview.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page."""
        return self.render("dashboard/overview.html", **self._facts())

    def _facts(self) -> dict[str, Any]:
        newest = InstanceManager(self.context).list(
            limit=SHOWN, sort=(SortKey("updated_at", descending=True),)
        )
        usage = LimitsManager(self.context).own()
        return {
            "bars": [
                *bars(usage),
                *volume_bars(self.context),
                *bars_among_others(self.context),
            ],
            **Servers.excerpt(self.context, newest.rows),
            "act_on": reverse("servers"),
            "activity": activity_of(self.context, newest.rows),
            "busy": any(instance.task_state for instance in newest.rows),
            "may_create": self.may("compute:servers:create"),
            "empty": not newest.rows,
            "has_keys": usage.used["key_pairs"] > 0,
        }


class LiveOverview(Overview):
    """The part that changes."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it as it is now."""
        return self.fragment("dashboard/overview_live.html", **self._facts())
