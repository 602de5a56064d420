"""Why a port cannot be reached, for operators: with hosts, and with what these report."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from cloudweb.addresses import canonical_address
from cloudweb.admin import ManagedAdmin, pill
from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.identifiers import as_uuid
from network.manager import AgentManager, PathTraceManager
from network.manager.path_trace import End
from network.protocols import PROTOCOLS
from network.trace.facts import Trace

MARKS: dict[bool | None, str] = {True: "passes", False: "stops", None: "not known"}
SAID = {"reaches": True, "stopped": False, "unknown": None}


class TraceForm(forms.Form):
    """Who sends what to the port."""

    source = forms.CharField(
        max_length=64,
        required=False,
        help_text="A port's id, or an address outside; nothing: anybody.",
    )
    protocol = forms.ChoiceField(choices=[(name, name) for name in ("tcp", "udp", "icmp")])
    port = forms.IntegerField(min_value=1, max_value=65535, required=False, initial=22)

    def clean_source(self) -> str:
        """Return an id or an address in its usual form."""
        text = str(self.cleaned_data["source"]).strip()
        try:
            return text if not text or as_uuid(text) else canonical_address(text)
        except ValueError:
            raise forms.ValidationError("Write a port's id or an address.") from None


class TracedAdmin(ManagedAdmin):
    """Ports with a page each that follows a packet there."""

    @admin.display(description="reach")
    def why(self, port: Any) -> str:
        """Link to the page."""
        url = reverse("admin:network_port_trace", args=(port.pk,))
        return format_html('<a href="{}">Why not?</a>', url)

    def get_urls(self) -> list[URLPattern]:
        """Add the page."""
        view = self.admin_site.admin_view(self.trace_view)
        return [path("<path:port_id>/trace/", view, name="network_port_trace"), *super().get_urls()]

    def trace_view(self, request: HttpRequest, port_id: str) -> HttpResponse:
        """Show the form, and the way of the packet that it asks for."""
        port = self.get_object(request, port_id)
        if port is None or not self.has_view_permission(request, port):
            raise Http404
        asked = "protocol" in request.GET
        form = TraceForm(request.GET if asked else None)
        shown = {
            **self.admin_site.each_context(request),
            "title": f"Why can {port} not be reached?",
            "opts": self.opts,
            "original": port,
            "form": form,
        }
        if asked and form.is_valid():
            context = self.context(request)
            try:
                shown |= _answer(context, _trace(context, port, form.cleaned_data))
            except CloudwebError as error:
                form.add_error(None, error.message)
        return TemplateResponse(request, "admin/network/trace.html", shown)


def _trace(context: RequestContext, port: Any, said: dict[str, Any]) -> Trace:
    source = said["source"]
    inside = as_uuid(source)
    return PathTraceManager(context).create(
        source=End(port_id=inside, address="" if inside else source),
        destination=End(port_id=port.pk),
        protocol=PROTOCOLS[said["protocol"]],
        port=said["port"],
    )


def _answer(context: RequestContext, trace: Trace) -> dict[str, Any]:
    hosts = {hop.host for hop in trace.hops} - {""}
    reported = [
        (agent.row.host, problem)
        for agent in AgentManager(context).list()
        if agent.row.host in hosts
        for problem in agent.row.problems
    ]
    lines = [(hop, pill(MARKS[hop.passes], good=hop.passes)) for hop in trace.hops]
    verdict = pill(trace.verdict, good=SAID[trace.verdict])
    return {"trace": trace, "verdict": verdict, "lines": lines, "reported": reported}
