"""API access: where the services are, and what programs log in with."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from cloudweb.api.links import base_url, identity_url
from dashboard.components.client_files import cloud_name, clouds_yaml, openrc
from dashboard.components.navigation import account_tabs
from dashboard.views.page import Page
from identity.endpoint_urls import filled_in
from identity.manager import CatalogManager


def auth_url(request: HttpRequest) -> str:
    """Return where clients log in."""
    return f"{identity_url(request)}/v3"


class ApiAccess(Page):
    """Endpoints, ids, and files for the current project."""

    section = "account"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.render(
            "dashboard/api_access.html",
            tabs=account_tabs("api_access"),
            auth_url=auth_url(request),
            browsable="/compute/v2.1/servers/detail",
            region=settings.REGION,
            cloud=cloud_name(self.context.project_name),
            endpoints=self._endpoints(request),
        )

    def _endpoints(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return type and public URL of each service, as the catalog of a token says them."""
        base, project_id = base_url(request), self.context.project_id
        return sorted(
            (offer.service.type, filled_in(endpoint.url, base=base, project_id=project_id))
            for offer in CatalogManager(self.context).of_token()
            for endpoint in offer.endpoints
            if endpoint.interface == "public" and endpoint.enabled
        )


class CloudsYaml(Page):
    """clouds.yaml for the current project; the password is asked for or added by hand."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Send the file."""
        return _file(clouds_yaml(auth_url(request), self.context), "clouds.yaml")


class OpenRc(Page):
    """A shell script that sets the environment of the openstack command."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Send the file; it asks for the password when it is sourced."""
        name = cloud_name(self.context.project_name)
        return _file(openrc(auth_url(request), self.context), f"{name}-openrc.sh")


def _file(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
