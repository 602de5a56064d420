"""The picture of the project's network, and the table that says the same."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from dashboard.components.picture import picture_of
from dashboard.components.topology import read
from dashboard.views.page import Page, is_htmx


class NetworkPicture(Page):
    """What leads outside, routers, networks and servers, as they are now."""

    section = "network_picture"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it; htmx gets its live part."""
        if is_htmx(request):
            answer = self.fragment("dashboard/networks/picture_live.html", **self._facts())
        else:
            answer = self.render("dashboard/networks/picture.html", **self._facts())
        patch_vary_headers(answer, ["HX-Request"])
        return answer

    def _facts(self) -> dict[str, Any]:
        topology, lines = read(self.context)
        busy = any(line.badge.busy for line in lines)
        return {
            "picture": picture_of(topology, more_url=reverse("servers")),
            "lines": lines,
            "every": 2 if busy else 10,
            "may_create": self.may("network:networks:create"),
        }
