"""The base of every page of a logged-in user."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.views import View

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError, NotFound, Unauthorized
from cloudweb.policy import allows
from dashboard.components.parts import stamped
from dashboard.components.words import spoken
from dashboard.views.errors import error_page
from dashboard.views.frame import frame_of
from identity.sessions import context_of

log = structlog.get_logger(__name__)


class Page(View):
    """A page under the context of the browser's user and project.

    What a manager refuses becomes an error page, a message on the page before, or a toast where
    htmx asked. ``section`` is the entry of the navigation that is lit.
    """

    section: ClassVar[str] = ""
    needs_project: ClassVar[bool] = True
    context: RequestContext

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send anyone unknown to the log-in; turn refusals into something to read."""
        if not request.user.is_authenticated:
            return to_login(request)
        try:
            self.context = context_of(request)
            if self.needs_project and self.context.project_id is None:
                return self.render("dashboard/no_project.html")
            return super().dispatch(request, *args, **kwargs)
        except Unauthorized:
            return to_login(request)
        except CloudwebError as error:
            return self.refused(error)

    def may(self, policy: str) -> bool:
        """Tell whether the user may, so that the page need not offer what would be refused."""
        return allows(self.context, policy)

    def render(self, template: str, *, status: int = 200, **data: Any) -> HttpResponse:
        """Return a whole page: with navigation, projects and user around it."""
        around = frame_of(self.request, self.section)
        return render(self.request, template, {**around, **data}, status=status)

    def fragment(self, template: str, **data: Any) -> HttpResponse:
        """Return a part of a page for htmx; 304 while it is as the browser shows it."""
        shown = render_to_string(template, {"context": self.context, **data}, self.request)
        html, tag = stamped(shown)
        response = HttpResponse(html, headers={"Cache-Control": "no-store", "ETag": tag})
        same = get_conditional_response(self.request, etag=tag, response=response)
        return same or response

    def done(self, text: str, url: str) -> HttpResponse:
        """Say what was done: a toast and fresh fragments for htmx, else the page at ``url``."""
        if is_htmx(self.request):
            return toast(text, tone="success", status=204)
        messages.success(self.request, text)
        return HttpResponseRedirect(url)

    def leave(self, told: Sequence[tuple[str, str]], url: str) -> HttpResponse:
        """Say several things, each with its tone, on the page at ``url``."""
        for tone, text in told:
            level = messages.SUCCESS if tone == "success" else messages.ERROR
            messages.add_message(self.request, level, text)
        if is_htmx(self.request):
            return HttpResponse(status=204, headers={"HX-Redirect": url})
        return HttpResponseRedirect(url)

    def refused(self, error: CloudwebError) -> HttpResponse:
        """Show an error where the user looks."""
        log.info("page refused", path=self.request.path, code=error.code, detail=error.detail)
        if is_htmx(self.request) and self.request.method == "GET":
            return HttpResponse(status=error.status)  # a live part keeps what it shows
        if is_htmx(self.request):
            return toast(spoken(error), tone="danger", status=error.status)
        back = self._page_before()
        if self.request.method == "POST" and back and not isinstance(error, NotFound):
            messages.error(self.request, spoken(error))
            return HttpResponseRedirect(back)
        return error_page(self.request, error)

    def _page_before(self) -> str | None:
        """Return the page of ours that the form was on."""
        referer = self.request.headers.get("Referer", "")
        base = f"{self.request.scheme}://{self.request.get_host()}/"
        return referer if referer.startswith(base) else None


def is_htmx(request: HttpRequest) -> bool:
    """Tell whether a part of a page is asked for."""
    return bool(getattr(request, "htmx", False))


def toast(text: str, *, tone: str, status: int) -> HttpResponse:
    """Return an answer without content that shows a toast and refreshes what is live."""
    return toasts([(tone, text)], status=status)


def toasts(told: Sequence[tuple[str, str]], *, status: int) -> HttpResponse:
    """Return an answer that shows several toasts, each with its tone."""
    response = HttpResponse(status=status)
    shown = [{"text": text, "tone": tone} for tone, text in told]
    news = {"toasts": {"all": shown}, "changed": True}
    response.headers["HX-Trigger"] = json.dumps(news)  # ASCII, as a header must be
    return response


def to_login(request: HttpRequest) -> HttpResponse:
    """Return the way to the log-in and back here, or a word there that what was sent is not done."""
    if is_htmx(request):
        response = HttpResponse(status=204)
        response.headers["HX-Refresh"] = "true"
        return response
    if request.method != "GET":
        return HttpResponseRedirect(f"{settings.LOGIN_URL}?unsent=yes")
    back = request.get_full_path()
    query = f"?{urlencode({'next': back})}" if back != "/" else ""
    return HttpResponseRedirect(f"{settings.LOGIN_URL}{query}")
