"""Where a server would go, and why, for operators: a form, and what the scheduler says of each host."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from cloudweb.admin import ManagedAdmin
from cloudweb.exceptions import CloudwebError
from cloudweb.identifiers import as_uuid
from cloudweb.policy import check
from compute.scheduler import Verdict
from instances.considering import consider
from instances.models import Instance
from operations.history import result_of

PAGE = "instances_instance_why_here"
CLAIM = "claim_host"  # the step that chose
HINTS = ("group", "same_host", "different_host")


class WhyHereForm(forms.Form):
    """Who asks for what."""

    project = forms.CharField(max_length=64, label="Project's id")
    flavor = forms.CharField(max_length=255, label="Flavor's id")
    image = forms.CharField(max_length=36, label="Image's id")
    network = forms.CharField(
        max_length=36, required=False, label="Network's id", help_text="Nothing: any host will do."
    )
    zone = forms.CharField(max_length=255, required=False, label="Availability zone")
    host = forms.CharField(max_length=63, required=False, help_text="As an operator asks for one.")
    group = forms.CharField(max_length=36, required=False, label="Server group's id")
    same_host = forms.CharField(max_length=36, required=False, help_text="A server's id.")
    different_host = forms.CharField(max_length=36, required=False, help_text="A server's id.")

    def clean(self) -> dict[str, Any]:
        """Refuse what is no id."""
        data: dict[str, Any] = super().clean() or {}
        for name in ("image", "network", "group", "same_host", "different_host"):
            if data.get(name) and as_uuid(data[name]) is None:
                self.add_error(name, "Write an id.")
        return data


class ConsideredAdmin(ManagedAdmin):
    """Servers with a page that says where another would go."""

    change_list_template = "admin/instances/servers.html"

    @admin.display(description="placed by")
    def placement(self, server: Instance) -> str:
        """Show from which hosts its own was drawn, and link to what would be drawn now."""
        told = result_of("instance", str(server.id), CLAIM) or {}
        weighed = ", ".join(f"{host} {weight:g}" for host, weight in told.get("weights", ()))
        drawn = f"{told['host']}, drawn by weight from {weighed}. " if weighed else ""
        asked = {
            "project": server.project_id,
            "flavor": server.flavor_id,
            "image": server.image_id,
            "zone": server.wanted_zone,
            "group": server.server_group_id or "",
        }
        url = f"{reverse(f'admin:{PAGE}')}?{urlencode(asked)}"
        return format_html('{}<a href="{}">Where would it go now?</a>', drawn, url)

    def get_urls(self) -> list[URLPattern]:
        """Add the page."""
        view = self.admin_site.admin_view(self.why_here_view)
        return [path("why-here/", view, name=PAGE), *super().get_urls()]

    def why_here_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form, and the verdict that it asks for."""
        check(self.context(request), "compute:hosts:list")
        form = WhyHereForm(request.GET if "flavor" in request.GET else None)
        shown: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Why here?",
            "opts": self.opts,
            "form": form,
        }
        if form.is_bound and form.is_valid():
            try:
                shown["verdict"] = _considered(form.cleaned_data)
            except CloudwebError as error:
                form.add_error(None, error.message)
        return TemplateResponse(request, "admin/instances/why_here.html", shown)


def _considered(said: dict[str, Any]) -> Verdict:
    return consider(
        project_id=said["project"],
        flavor_id=said["flavor"],
        image_id=said["image"],
        networks=[said["network"]] if said["network"] else [],
        zone=said["zone"],
        host=said["host"],
        hints={key: said[key] for key in HINTS if said[key]},
    )
