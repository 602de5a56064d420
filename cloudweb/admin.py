"""The base of the operators' pages: what they change goes through managers, never straight to rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from cloudweb.api.auth import operator_context
from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError


class ValuesFilter(admin.AllValuesFieldListFilter):
    """The values that occur; an empty one has a name, too."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name it."""
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "(none)"}


class ManagedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Read only, but for what a subclass does by its managers.

    What a manager refuses is shown in its own words, and nothing was changed then.
    """

    list_per_page = 50
    show_full_result_count = False

    def context(self, request: HttpRequest) -> RequestContext:
        """Return the logged-in operator; managers check what he may."""
        return operator_context(request)

    def act(
        self, request: HttpRequest, rows: QuerySet[Any], done: str, effect: Callable[[Any], object]
    ) -> None:
        """Do something to each row; tell how many it was done to and why not to the others."""
        count = 0
        for row in rows:
            try:
                effect(row)
            except CloudwebError as error:
                self.message_user(request, f"{row}: {error.message}", messages.ERROR)
            else:
                count += 1
        if count:
            self.message_user(request, f"{count} {done}.", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer no form to add."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer no form to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer no button to delete."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, or do an action on it."""
        title = str(self.opts.verbose_name_plural)
        shown = {"title": title[:1].upper() + title[1:], **(extra_context or {})}
        try:
            return super().changelist_view(request, shown)
        except CloudwebError as error:
            return self._refused(request, error)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """Show a row, or save it."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except CloudwebError as error:
            return self._refused(request, error)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Ask, then delete."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except CloudwebError as error:
            return self._refused(request, error)

    def _refused(self, request: HttpRequest, error: CloudwebError) -> HttpResponseBase:
        text = f"{error.message} {error.detail}" if error.detail else error.message
        messages.error(request, text)
        return HttpResponseRedirect(request.get_full_path())


def bar(used: float, limit: float, text: str) -> SafeString:
    """Return a bar that shows how much of a limit is used (static/css/admin.css)."""
    share = min(100, round(100 * used / limit)) if limit > 0 else 0
    tone = "danger" if share >= 90 else "warning" if share >= 70 else "success"
    return format_html(
        '<span class="usage" title="{0}"><progress class="meter tone-{1}" max="100" value="{2}">'
        "</progress><small>{0}</small></span>",
        text,
        tone,
        share,
    )


def pill(text: str, *, good: bool | None) -> SafeString:
    """Return a word on a green, red or (for None) grey ground."""
    tone = {True: "success", False: "danger", None: "neutral"}[good]
    return format_html('<span class="status tone-{}">{}</span>', tone, text)


def bullets(rows: Sequence[tuple[str, ...]], form: str = "{}") -> SafeString | str:
    """Return a list, each row in this form; "none" where there is nothing to list."""
    if not rows:
        return "none"
    return format_html("<ul>{}</ul>", format_html_join("", f"<li>{form}</li>", rows))


class ShownInline(admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """Rows that belong to another: to read."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False
