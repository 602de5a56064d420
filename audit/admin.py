"""The operators' page of the audit log: search, read, export; nobody changes it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.export import csv_lines
from audit.filters import RecordFilter
from audit.forms import OperatorSearchForm
from audit.manager import RecordManager
from audit.models import Outcome, Record
from cloudweb.admin import ManagedAdmin, pill
from cloudweb.exceptions import BadRequest, CloudwebError

TONES = {Outcome.SUCCESS: True, Outcome.REFUSED: None, Outcome.FAILED: False}


@admin.register(Record)
class RecordAdmin(ManagedAdmin):
    """Who changed what; the list is read by the manager, page after page by key."""

    fields = (
        "created_at", "result", "action", "target_kind", "target_id", "target_name", "user_name",
        "user_id", "user_domain_id", "project_id", "domain_id", "is_system_scope", "origin",
        "remote_address", "request_id", "operations", "count", "last_at",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="outcome")
    def result(self, row: Record) -> SafeString:
        """Show how it ended and why."""
        said = " ".join(filter(None, (str(row.status or ""), row.code, row.reason)))
        return format_html("{} {}", outcome_pill(row), said)

    @admin.display(description="operations")
    def operations(self, row: Record) -> SafeString:
        """Link to what the request started."""
        return format_html('<a href="{}">Operations of this request</a>', operations_url(row))

    def get_urls(self) -> list[URLPattern]:
        """Add the export."""
        export = self.admin_site.admin_view(self.export)
        return [path("export.csv", export, name="audit_record_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show a page of what matches."""
        form = OperatorSearchForm(request.GET)
        rows, older = self._page(request, form)
        shown = {
            **self.admin_site.each_context(request),
            "title": "Audit log",
            "opts": self.opts,
            "form": form,
            "rows": rows,
            "older": older,
            "query": _query(form),
            "paged": "after" in request.GET,
        }
        return TemplateResponse(request, "admin/audit/record/change_list.html", shown)

    def export(self, request: HttpRequest) -> Any:
        """Send everything that matches as CSV."""
        form = OperatorSearchForm(request.GET)
        if not form.is_valid():
            return self._refused(request, BadRequest("The search holds a mistake."))
        rows = RecordManager(self.context(request)).every(_wanted(form))
        response = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
        return response

    def _page(self, request: HttpRequest, form: OperatorSearchForm) -> tuple[list[Record], str]:
        if not form.is_valid():
            return [], ""
        try:
            page = RecordManager(self.context(request)).list(
                _wanted(form), limit=self.list_per_page, marker=request.GET.get("after") or None
            )
        except CloudwebError as error:
            form.add_error(None, error.message)
            return [], ""
        rows = list(page.rows)
        return rows, _query(form, after=str(rows[-1].id)) if page.more else ""


def _wanted(form: OperatorSearchForm) -> RecordFilter:
    return form.to_filter(all_projects=True)


def _query(form: OperatorSearchForm, **more: str) -> str:
    """Return the search as a query, to go on with it."""
    kept = {name: form.data.get(name, "") for name in form.fields}
    return urlencode({name: value for name, value in {**kept, **more}.items() if value})


def outcome_pill(row: Record) -> SafeString:
    """Return the outcome in colour."""
    return pill(row.get_outcome_display(), good=TONES[Outcome(row.outcome)])


def operations_url(row: Record) -> str:
    """Return where the operations of the record's request are."""
    found = reverse("admin:operations_operation_changelist")
    return f"{found}?{urlencode({'q': row.request_id})}"
