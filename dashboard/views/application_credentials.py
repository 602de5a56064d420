"""Application credentials: list, create, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import CloudwebError
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.client_files import ProgramLogIn, clouds_yaml, openrc
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Tool
from dashboard.components.navigation import account_tabs
from dashboard.components.roles import strength
from dashboard.forms.application_credentials import METHODS, SERVICES, NewCredentialForm
from dashboard.views.api_access import auth_url
from dashboard.views.list_page import ListPage
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


def _delete(context: RequestContext, credential_id: str) -> None:
    ApplicationCredentialManager(context).delete(str(context.user_id), credential_id)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="identity:application_credentials:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="Programs that log in with it stop at once. This cannot be undone.",
    warning_all="Programs that log in with them stop at once. This cannot be undone.",
    harm=True,
)
CELLS = "dashboard/application_credentials/cells"


class ApplicationCredentials(ListPage):
    """The user's own, of all his projects."""

    section, route = "account", "application_credentials"
    needs_project = False
    template = "dashboard/application_credentials/list.html"
    title, nouns = "Application credentials", ("credential", "credentials")
    columns = (
        Column("Name", f"{CELLS}/name.html", sort="name"),
        Column("Project", lambda row: cells.plain(row.project.name)),
        Column("Roles", f"{CELLS}/roles.html"),
        Column("Requests", f"{CELLS}/requests.html"),
        Column("Expires", f"{CELLS}/expires.html", sort="expires_at"),
        Column("Created", lambda row: cells.ago(row.created_at), sort="created_at", falling=True),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    actions = (DELETE,)
    tools = (Tool("Create credential", "new_application_credential"),)
    limit = 50

    empty = Empty(
        "key",
        "No application credentials yet",
        "A program logs in with one of its own: never your password, no more rights than it needs, "
        "and gone with one press.",
    )

    def nothing(self) -> Empty:
        """Say that one needs a project first."""
        if self.context.project_id is not None:
            return self.empty
        text = "They belong to a project, and you have none yet."
        return Empty("key", "No application credentials", text)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        return ApplicationCredentialManager(self.context).page(
            str(self.context.user_id),
            words=asked.q,
            order=asked.columns(last="id"),
            marker=asked.marker,
            limit=asked.limit,
        )

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        rows = ApplicationCredentialManager(self.context).list(str(self.context.user_id))
        return {row.pk: row.name for row in rows if row.pk in keys}

    def offered_tools(self) -> Sequence[Tool]:
        """Offer one only where there is a project for it."""
        return super().offered_tools() if self.context.project_id else ()

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the tabs of the account."""
        tabs = account_tabs("application_credentials")
        return super().facts(tabs=tabs, now=now(), **more)


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
