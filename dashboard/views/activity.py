"""Activity: who changed what in the project."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from audit.forms import SearchForm
from audit.manager import RecordManager
from cloudweb.exceptions import BadRequest
from cloudweb.listing import Page as Rows
from dashboard.components.activity import KINDS, done_of
from dashboard.components.names import names_of
from dashboard.views.page import Page

if TYPE_CHECKING:
    from audit.models import Record

PER_PAGE = 50


class Activity(Page):
    """The project's part of the audit log, newest first; role reader is enough."""

    section = "activity"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of it."""
        form = SearchForm(request.GET)
        kind = request.GET.get("kind", "")
        page = self._found(form, kind if kind in KINDS else "")
        searched = {name: request.GET.get(name, "") for name in form.fields}
        kept = {name: value for name, value in searched.items() if value}
        here = {**kept, **({"kind": kind} if kind else {})}
        after = {"after": str(page.rows[-1].id)} if page.more else {}
        return self.render(
            "dashboard/activity.html",
            status=200 if form.is_valid() else 422,
            form=form,
            rows=done_of(page.rows, names=names_of(self.context, page.rows)),
            kind=kind,
            kinds=[
                (name, text, urlencode({**kept, "kind": name})) for name, (text, _) in KINDS.items()
            ],
            searched=bool(kept),
            newest=urlencode(here),
            older=urlencode({**here, **after}) if after else "",
            paged="after" in request.GET,
        )

    def _found(self, form: SearchForm, kind: str) -> Rows[Record]:
        if not form.is_valid():
            return Rows([], False)
        wanted = form.to_filter(**KINDS[kind][1])
        marker = self.request.GET.get("after") or None
        try:
            return RecordManager(self.context).list(wanted, limit=PER_PAGE, marker=marker)
        except BadRequest as error:
            form.add_error(None, error.message)
            return Rows([], False)
