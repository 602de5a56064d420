"""The operator's console: Django's admin site under our name."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from cloudweb.driver import load_class


class OperatorSite(AdminSite):
    """The admin site; its password form is identity's, which voids tokens too."""

    site_header = "Cloudweb operator console"
    site_title = "Cloudweb"
    index_title = "Operate the cloud"
    enable_nav_sidebar = True
    site_url = None  # the template leads to the dashboard

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the one log-in page; only someone who is no operator meets the site's own."""
        if request.user.is_authenticated:
            return super().login(request, extra_context)
        back = request.GET.get("next", reverse("admin:index", current_app=self.name))
        return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': back})}")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the apps in the order in which an operator needs them; the rest by name.

        Django's own groups are left out: roles come from identity.
        """
        order = (
            *("compute", "operations", "reconciliation", "instances"),
            *("image", "volume", "network", "identity", "audit"),
        )
        apps = [
            one for one in super().get_app_list(request, app_label) if one["app_label"] != "auth"
        ]
        place = {label: number for number, label in enumerate(order)}
        return sorted(apps, key=lambda one: place.get(one["app_label"], len(order)))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Let the operator change his own password by the form settings name."""
        from django.contrib.auth.views import PasswordChangeView  # models are not loaded before

        request.current_app = self.name
        view = PasswordChangeView.as_view(
            form_class=load_class(settings.CLOUDWEB_PASSWORD_FORM),
            success_url=reverse("admin:password_change_done", current_app=self.name),
            template_name="admin/password_change.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return cast(TemplateResponse, view(request))


class OperatorAdminConfig(AdminConfig):
    """``django.contrib.admin`` with our site (INSTALLED_APPS)."""

    default_site = "cloudweb.admin_site.OperatorSite"
