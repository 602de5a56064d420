"""The user's own page: who he is, where he has which role, his password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from audit.manager import RecordManager
from dashboard.components.activity import done_of
from dashboard.components.navigation import account_tabs
from dashboard.components.roles import places_of
from dashboard.views.page import Page
from identity.forms import OwnPasswordForm
from identity.manager import AssignmentManager, UserManager

#: How many of the latest log-ins and changes are shown.
RECENT = 8


@method_decorator(sensitive_post_parameters(), name="dispatch")
class Account(Page):
    """Who one is."""

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

    def _show(self, form: OwnPasswordForm, *, status: int = 200) -> HttpResponse:
        own = str(self.context.user_id)
        return self.render(
            "dashboard/account.html",
            status=status,
            tabs=account_tabs("account"),
            form=form,
            person=UserManager(self.context).get(own),
            places=places_of(AssignmentManager(self.context).own()),
            recent=done_of(RecordManager(self.context).own(limit=RECENT)),
        )
