"""Application credentials: list, create, delete."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from cloudweb.database.clock import now
from cloudweb.exceptions import CloudwebError
from dashboard.components.client_files import ProgramLogIn, clouds_yaml, openrc
from dashboard.components.navigation import account_tabs
from dashboard.components.roles import strength
from dashboard.forms.application_credentials import METHODS, SERVICES, NewCredentialForm
from dashboard.views.api_access import auth_url
from dashboard.views.page import Page
from identity.manager import ApplicationCredentialManager

#: What programs are often let do: text, and rows of service, method and path.
PRESETS = (
    ("See servers", (("compute", "GET", "/v2.1/servers"), ("compute", "GET", "/v2.1/servers/**"))),
    (
        "Start and stop servers",
        (
            ("compute", "GET", "/v2.1/servers"),
            ("compute", "GET", "/v2.1/servers/**"),
            ("compute", "POST", "/v2.1/servers/*/action"),
        ),
    ),
    (
        "Upload images",
        (
            ("image", "GET", "/v2/**"),
            ("image", "POST", "/v2/images"),
            ("image", "PUT", "/v2/images/*/file"),
        ),
    ),
    (
        "See everything",
        (
            ("compute", "GET", "/v2.1/**"),
            ("network", "GET", "/v2.0/**"),
            ("image", "GET", "/v2/**"),
        ),
    ),
)


class ApplicationCredentials(Page):
    """The user's own, of all his projects."""

    section = "account"
    needs_project = False

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.render(
            "dashboard/application_credentials/list.html",
            tabs=account_tabs("application_credentials"),
            rows=ApplicationCredentialManager(self.context).list(str(self.context.user_id)),
            now=now(),
        )


class NewApplicationCredential(Page):
    """The form, and the secret, which is in one answer and nowhere else."""

    section = "account"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        return self._ask(NewCredentialForm(held=self._held()))

    @sensitive_variables("made", "program")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Create it, and show its secret and the files that hold it."""
        form, made = NewCredentialForm(request.POST, held=self._held()), None
        if form.is_valid():
            manager = ApplicationCredentialManager(self.context)
            try:
                made = manager.create(str(self.context.user_id), **form.wanted())
            except CloudwebError as error:
                form.refuse(error)
        if made is None:
            return self._ask(form, status=422)
        program = ProgramLogIn(made.row.pk, made.secret)
        login_url = auth_url(request)
        response = self.render(
            "dashboard/application_credentials/made.html",
            tabs=account_tabs("application_credentials"),
            made=made,
            clouds=clouds_yaml(login_url, self.context, program),
            openrc=openrc(login_url, self.context, program),
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def _held(self) -> list[str]:
        return sorted(self.context.roles, key=strength)

    def _ask(self, form: NewCredentialForm, *, status: int = 200) -> HttpResponse:
        chosen: Any = form["roles"].value() or []
        return self.render(
            "dashboard/application_credentials/new.html",
            status=status,
            tabs=account_tabs("application_credentials"),
            form=form,
            chosen=chosen,
            held=self._held(),
            services=SERVICES,
            methods=METHODS,
            presets=PRESETS,
        )


class DeleteApplicationCredential(Page):
    """Forget one."""

    section = "account"
    needs_project = False

    def post(self, request: HttpRequest, credential_id: str) -> HttpResponse:
        """Delete it, which ends its tokens at once."""
        own = str(self.context.user_id)
        ApplicationCredentialManager(self.context).delete(own, credential_id)
        return self.done("The credential was deleted.", reverse("application_credentials"))
