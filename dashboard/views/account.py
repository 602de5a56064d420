"""The user's own page: password, and credentials for the command line."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from cloudweb.api.mounts import identity_url
from dashboard.views.page import Page
from identity.forms import OwnPasswordForm


class Account(Page):
    """Who one is, and how programs log in."""

    section = "account"
    needs_project = False

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self._show(self._form())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Change the password; this browser stays logged in, tokens and other browsers do not."""
        form = self._form(request.POST)
        if form.is_valid():
            update_session_auth_hash(request, form.save())
            return self.done("Your password was changed.", reverse("account"))
        return self._show(form, status=422)

    def _form(self, data: Any = None) -> OwnPasswordForm:
        user: Any = self.request.user  # logged in, as dispatch has seen
        return OwnPasswordForm(user, data)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Keep passwords out of error reports."""
        return sensitive_post_parameters()(super().dispatch)(request, *args, **kwargs)

    def _show(self, form: OwnPasswordForm, *, status: int = 200) -> HttpResponse:
        return self.render(
            "dashboard/account.html",
            status=status,
            form=form,
            auth_url=f"{identity_url(self.request)}/v3",
            api_url="/compute/v2.1/servers/detail",
            region=settings.REGION,
            cloud=cloud_name(self.context.project_name),
        )


def cloud_name(project: str) -> str:
    """Return a word for a project that needs no quotes anywhere."""
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-") or "cloud"


class CloudsYaml(Page):
    """clouds.yaml for the current project; the password is asked for or added by hand."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Send the file. JSON strings are YAML strings."""
        context = self.context
        auth = {
            "auth_url": f"{identity_url(request)}/v3",
            "username": context.user_name,
            "user_domain_id": context.user_domain_id,
            "project_id": context.project_id,
            "project_name": context.project_name,
        }
        lines = ["clouds:", f"  {cloud_name(context.project_name)}:", "    auth:"]
        lines += [f"      {name}: {json.dumps(value)}" for name, value in auth.items()]
        lines += ["      # password: add it here, or set OS_PASSWORD"]
        lines += [f"    region_name: {json.dumps(settings.REGION)}", "    identity_api_version: 3"]
        return _file("\n".join(lines) + "\n", "clouds.yaml")


class OpenRc(Page):
    """A shell script that sets the environment of the openstack command."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Send the file; it asks for the password when it is sourced."""
        context = self.context
        values = {
            "OS_AUTH_URL": f"{identity_url(request)}/v3",
            "OS_IDENTITY_API_VERSION": "3",
            "OS_USERNAME": context.user_name,
            "OS_USER_DOMAIN_ID": context.user_domain_id,
            "OS_PROJECT_ID": context.project_id or "",
            "OS_PROJECT_NAME": context.project_name,
            "OS_REGION_NAME": settings.REGION,
        }
        lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
        who = shlex.quote(f"Password of {context.user_name}: ")
        lines += [f"printf %s {who}", "stty -echo; read -r OS_PASSWORD; stty echo; echo"]
        lines += ["export OS_PASSWORD"]
        name = cloud_name(context.project_name)
        return _file("\n".join(lines) + "\n", f"{name}-openrc.sh")


def _file(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
