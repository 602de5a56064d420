"""Servers: the list, and what the buttons do."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import NotFound
from dashboard.components.servers import rows_of
from dashboard.views.page import Page
from instances.actions import ACTIONS
from instances.manager import InstanceManager
from instances.manager.listing import Filters

PER_PAGE = 25
#: The choices above the list -> status words of the API.
STATUSES = {
    "running": ("ACTIVE", "REBOOT", "HARD_REBOOT"),
    "stopped": ("SHUTOFF",),
    "building": ("BUILD",),
    "error": ("ERROR",),
}


class Servers(Page):
    """The project's servers, newest first."""

    section = "servers"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of them."""
        return self.render("dashboard/servers/list.html", **self._facts(request))

    def _facts(self, request: HttpRequest) -> dict[str, Any]:
        name, status = request.GET.get("q", "").strip()[:255], request.GET.get("status", "")
        marker = request.GET.get("after", "")
        wanted = Filters(name=name or None, statuses=STATUSES.get(status, ()))
        manager = InstanceManager(self.context)
        page = manager.list(wanted, limit=PER_PAGE, marker=marker or None)
        rows = rows_of(self.context, page.rows)
        kept = {key: value for key, value in (("q", name), ("status", status)) if value}
        older = urlencode({**kept, "after": page.rows[-1].id}) if page.more else ""
        here = urlencode({**kept, **({"after": marker} if marker else {})})
        return {
            "rows": rows,
            "busy": any(row.busy for row in rows),
            "q": name,
            "wanted_status": status,
            "statuses": STATUSES,
            "older": older,
            "here": here,
            "paged": bool(marker),
            "filtered": bool(kept),
            "may_create": self.may("compute:servers:create"),
        }


class ServerRows(Servers):
    """The rows alone, for the live page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them as they are now."""
        return self.fragment("dashboard/servers/rows.html", **self._facts(request))


class ServerAction(Page):
    """A button of a server."""

    section = "servers"

    def post(self, request: HttpRequest, server_id: uuid.UUID, action: str) -> HttpResponse:
        """Do it; what the state does not allow is said in a toast."""
        manager, key, wanted = InstanceManager(self.context), str(server_id), ACTIONS.get(action)
        if wanted is None or wanted.button is None or wanted.button.page:
            raise NotFound
        name = manager.get(server_id).name
        wanted.done_by(manager, key)
        button = wanted.button
        back = reverse("servers") if button.ends else reverse("server", args=[server_id])
        return self.done(button.done.format(name), back)
