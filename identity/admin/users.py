"""Users in the operator's console."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from identity.admin.editable import EditableAdmin, Values
from identity.forms import NewPasswordForm
from identity.manager import SecondFactorManager, UserManager
from identity.models import User
from identity.multifactor import rules_of


@admin.register(User)
class UserAdmin(EditableAdmin):
    """People and programs that log in; passwords have a page of their own."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "domain", "email", "source", "enabled", "last_login")
    list_filter = ("enabled", "source", "domain")
    list_select_related = ("domain",)
    search_fields = ("name", "id", "email")
    autocomplete_fields = ("default_project",)

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Offer the password page once there is a user."""
        kept = ["name", "domain", "email", "description", "enabled", "default_project"]
        pages = ["new_password", "second_factor"] if obj else []
        return [*kept, "lock_password", *pages]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Keep an existing user in his domain."""
        return ["domain", "new_password", "second_factor"] if obj else []

    @admin.display(description="password")
    def new_password(self, user: User) -> str:
        """Link to the password page."""
        url = reverse("admin:identity_user_password", args=(user.pk,))
        return format_html('<a class="button" href="{}">Set a new password</a>', url)

    @admin.display(description="second factor")
    def second_factor(self, user: User) -> str:
        """Say what his log-in asks for; link to the page that takes it away."""
        if not rules_of(user):
            return "none"
        url = reverse("admin:identity_user_second_factor", args=(user.pk,))
        return format_html('Required <a class="button" href="{}">Reset</a>', url)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of password and second factor."""
        password = self.admin_site.admin_view(self.password_view)
        factor = self.admin_site.admin_view(self.second_factor_view)
        return [
            path("<path:user_id>/password/", password, name="identity_user_password"),
            path("<path:user_id>/second-factor/", factor, name="identity_user_second_factor"),
            *super().get_urls(),
        ]

    def second_factor_view(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Take a user's second factor away, after asking."""
        user = self._changeable(request, user_id)
        back = reverse("admin:identity_user_change", args=(user.pk,))
        if request.method == "POST":
            changed = SecondFactorManager(self.context(request)).reset(user.pk)
            self.log_change(request, changed, "Removed the second factor.")
            messages.success(request, "The second factor was removed; tokens and sessions ended.")
            return HttpResponseRedirect(back)
        shown = {
            **self.admin_site.each_context(request),
            "title": f"Second factor of {user.name}",
            "opts": self.opts,
            "original": user,
            "back": back,
        }
        return TemplateResponse(request, "admin/identity/user/second_factor.html", shown)

    def _changeable(self, request: HttpRequest, user_id: str) -> User:
        user: User | None = self.get_object(request, user_id)
        if user is None:
            raise Http404
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        return user

    def password_view(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Set a user's password, outside any transaction: it is hashed there."""
        user = self._changeable(request, user_id)
        form = NewPasswordForm(user, request.POST or None)
        back = reverse("admin:identity_user_change", args=(user.pk,))
        if request.method == "POST" and form.is_valid():
            password = form.cleaned_data["new_password1"]
            changed = UserManager(self.context(request)).update(user.pk, password=password)
            self.log_change(request, changed, "Set a new password.")
            update_session_auth_hash(request, changed)
            messages.success(
                request, "The password was set; tokens and sessions with the old one ended."
            )
            return HttpResponseRedirect(back)
        shown = {
            **self.admin_site.each_context(request),
            "title": f"New password of {user.name}",
            "opts": self.opts,
            "original": user,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "admin/identity/user/password.html", shown)

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the password page: a new user has none."""
        messages.success(request, f"The user {obj.name} was created. Set a password now.")
        return HttpResponseRedirect(reverse("admin:identity_user_password", args=(obj.pk,)))

    def create(self, request: HttpRequest, values: Values) -> User:
        """Create it without a password."""
        return UserManager(self.context(request)).create(
            name=values["name"], domain_id=values["domain"].pk, **_attributes(values)
        )

    def update(self, request: HttpRequest, row: User, values: Values) -> None:
        """Change it."""
        changes = _attributes(values)
        if "name" in values:
            changes["name"] = values["name"]
        UserManager(self.context(request)).update(row.pk, **changes)

    def remove(self, request: HttpRequest, row: User) -> None:
        """Delete it with its roles."""
        UserManager(self.context(request)).delete(row.pk)


def _attributes(values: Values) -> dict[str, Any]:
    names = ("email", "description", "enabled", "lock_password")
    attributes = {name: values[name] for name in names if name in values}
    if "default_project" in values:
        project = values["default_project"]
        attributes["default_project_id"] = project.pk if project else None
    return attributes
