"""The base of the operators' pages: what they change goes through managers, never straight to rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from cloudweb.api.auth import operator_context
from cloudweb.bulk import each
from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError


class ValuesFilter(admin.AllValuesFieldListFilter):
    """The values that occur; an empty one has a name, too."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name it."""
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "(none)"}


#: What most lists begin with.
NEWEST_FIRST = ("-created_at", "-id")
#: So many rows are named in one sentence, so many sentences said.
NAMED = 10
Values = Mapping[str, Any]


def row_action(
    label: str,
    done: str,
    effect: Callable[[RequestContext, Any], object],
    *,
    warning: str = "",
) -> Any:
    """Return an action of a list that is done to each chosen row by a manager; a warning is asked first.

    ``done`` goes after how many it was done to. What a manager refuses stops nobody else.
    """

    @admin.action(description=label)
    def action(page: ManagedAdmin, request: HttpRequest, rows: QuerySet[Any]) -> Any:
        if warning and "sure" not in request.POST:
            return page.ask(request, rows, label=label, warning=warning)
        context = page.context(request)
        return page.act(request, rows, done, lambda row: effect(context, row))

    return action


class ManagedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """To read, but for what a subclass does by its managers.

    With ``can_add``, ``can_change`` or ``can_delete`` there are forms, whose values go to ``create``,
    ``update`` and ``remove``; those call the manager with ``self.context(request)``. What is done to
    several rows is a ``row_action``. What a manager refuses is shown in its own words, and nothing was
    changed then. ``most_at_once`` rows are acted on with one click.
    """

    can_add: ClassVar[bool] = False
    can_change: ClassVar[bool] = False
    can_delete: ClassVar[bool] = False
    most_at_once: ClassVar[int | None] = None
    list_per_page = 50
    show_full_result_count = False

    def context(self, request: HttpRequest) -> RequestContext:
        """Return the logged-in operator; managers check what he may."""
        return operator_context(request)

    def create(self, request: HttpRequest, values: Values) -> Model:
        """Create a row from the form's values."""
        raise NotImplementedError

    def update(self, request: HttpRequest, row: Any, values: Values) -> None:
        """Write those values of the form that changed."""
        raise NotImplementedError

    def remove(self, request: HttpRequest, row: Any) -> None:
        """Remove a row."""
        raise NotImplementedError

    # -- many at once

    def act(
        self, request: HttpRequest, rows: QuerySet[Any], done: str, effect: Callable[[Any], object]
    ) -> None:
        """Do something to each row; tell how many it was done to and why not to the others."""
        if self.most_at_once is not None and rows.count() > self.most_at_once:
            return self.message_user(
                request, f"At most {self.most_at_once} at once.", messages.ERROR
            )
        outcome = each(rows, effect)
        reasons = outcome.by_reason(lambda error: error.message)
        for reason, refused in [*reasons.items()][:NAMED]:
            self.message_user(request, f"{_named(refused)}: {reason}", messages.ERROR)
        if more := sum(map(len, [*reasons.values()][NAMED:])):
            self.message_user(request, f"{more} more were refused.", messages.ERROR)
        if outcome.done:
            self.message_user(request, f"{len(outcome.done)} {done}.", messages.SUCCESS)
        return None

    def ask(
        self, request: HttpRequest, rows: QuerySet[Any], *, label: str, warning: str
    ) -> TemplateResponse | None:
        """Ask before something is done to these rows."""
        if self.most_at_once is not None and rows.count() > self.most_at_once:
            self.message_user(request, f"At most {self.most_at_once} at once.", messages.ERROR)
            return None
        shown = {
            **self.admin_site.each_context(request),
            "title": f"{label}: are you sure?",
            "opts": self.opts,
            "label": label,
            "warning": warning,
            "name": request.POST.get("action", ""),
            "rows": rows,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/sure.html", shown)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Let the site's own deletion of several ask the manager for each."""
        found: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in found:
            _, name, label = found["delete_selected"]
            found["delete_selected"] = (_delete_selected, name, label)
        return found

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Show what goes along; whether it may is the manager's to say."""
        shown, counts, _unpermitted, _protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), []

    # -- forms

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer the form where there is a manager method behind it."""
        return self.can_add and _is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer the form where there is a manager method behind it."""
        return self.can_change and _is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer the button where there is a manager method behind it."""
        return self.can_delete and _is_operator(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Hand the form's values to the manager."""
        values = form.cleaned_data
        if change:
            self.update(request, obj, {name: values[name] for name in form.changed_data})
        else:
            obj.pk = self.create(request, values).pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Hand the row to the manager."""
        self.remove(request, obj)

    # -- pages

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


def _delete_selected(page: ManagedAdmin, request: HttpRequest, rows: QuerySet[Any]) -> Any:
    """Ask as the site does, then delete each by the manager."""
    if not request.POST.get("post"):
        return delete_selected(page, request, rows)

    def remove(row: Any) -> None:
        page.remove(request, row)
        page.log_deletions(request, [row])  # type: ignore[arg-type]  # Django itself gives a list

    return page.act(request, rows, "deleted", remove)


def _is_operator(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_staff", False))


def _named(rows: Sequence[Any]) -> str:
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return ", ".join(str(row) for row in rows[:NAMED]) + more


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
    """Rows that belong to another: to read, with a link to their own page where they have one."""

    extra = 0
    show_change_link = True
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False
