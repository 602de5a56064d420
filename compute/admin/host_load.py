"""A host's load for operators: graphs of the last hour and day, and the guests that it says it has."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin
from cloudweb.driver import DriverError
from cloudweb.exceptions import ServiceUnavailable
from compute.exceptions import HostNotFound
from compute.graphs import SPANS, Graph, graphs, span_of
from compute.manager import HostManager
from compute.models import Host

PAGE = "compute_host_load"


class Guest(NamedTuple):
    """A guest as its host reports it, and where its server's page is."""

    id: str
    name: str
    power_state: str
    url: str


class HostLoadAdmin(ManagedAdmin):
    """Hosts with a page of what they do."""

    @admin.display(description="guests and graphs")
    def load_page(self, host: Host) -> SafeString:
        """Link to it."""
        page = reverse(f"admin:{PAGE}", args=[host.name])
        return format_html('<a href="{}">{} guests</a>', page, len(host.guests))

    def get_urls(self) -> list[URLPattern]:
        """Add the page."""
        view = self.admin_site.admin_view(self.load_view)
        return [path("<str:name>/load/", view, name=PAGE), *super().get_urls()]

    def load_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show the guests, and the graphs or why there are none."""
        manager, span = HostManager(self.context(request)), span_of(request.GET.get("span", ""))
        try:
            host = manager.get(name)
        except HostNotFound as error:
            raise Http404(error.message) from error
        (words, seconds), until = SPANS[span], time.time()
        drawn: Sequence[Graph] = ()
        trouble = "Nothing was counted yet: the first values come after some minutes."
        try:
            meters = manager.meters(name, span)
            drawn = graphs(meters, since=until - seconds, until=until)
        except ServiceUnavailable as error:
            trouble = f"{error.message} The graphs come back when it does."
        except DriverError as error:
            trouble = str(error)
        shown: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": f"Load of {host.name}",
            "opts": self.opts,
            "host": host,
            "guests": _guests(host),
            "graphs": drawn,
            "trouble": "" if drawn else trouble,
            "span": words,
            "spans": [(key, text, key == span) for key, (text, _) in SPANS.items()],
        }
        return TemplateResponse(request, "admin/compute/host_load.html", shown)


def _guests(host: Host) -> Sequence[Guest]:
    """Return them by name; a server's page is found by its id, which is the guest's."""
    found = [
        Guest(
            one["id"],
            one["name"],
            one["power_state"],
            reverse("admin:instances_instance_change", args=[one["id"]]),
        )
        for one in host.guests
    ]
    return sorted(found, key=lambda one: (one.name, one.id))
