"""The base of a page about one thing: facts that change by themselves, and forms in boxes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from cloudweb.exceptions import NotFound
from dashboard.views.box import Boxed
from dashboard.views.page import is_htmx


class DetailPage(Boxed):
    """One thing of a list; htmx gets the part that is live.

    ``noun`` is the name of its route, whose address has its id as ``<noun>_id``; ``section`` is its list.
    """

    noun: ClassVar[str]
    key: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Keep which one it is about."""
        self.key = str(kwargs.pop(f"{self.noun}_id"))
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        if not is_htmx(request):
            return self.show()
        try:
            return self.fragment(f"dashboard/{self.section}/live.html", **self.facts())
        except NotFound:  # it was deleted while we watched
            return HttpResponse(status=204, headers={"HX-Redirect": reverse(self.section)})

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """Show the whole page."""
        shown = {**self.facts(), **self.forms(), **more}
        return self.render(f"dashboard/{self.section}/detail.html", status=status, **shown)

    def facts(self) -> dict[str, Any]:
        """Return what the live part shows; raise what says that the thing is not there."""
        raise NotImplementedError

    def forms(self) -> dict[str, Any]:
        """Return the forms in the boxes, of what this caller may do."""
        raise NotImplementedError

    def home(self) -> str:
        """Return the address of its page."""
        return reverse(self.noun, args=[self.key])


class Press(DetailPage):
    """What one press of a button on such a page does."""

    http_method_names = ["post"]

    def effect(self, **about: Any) -> str:
        """Do it; return the sentence that tells. ``about`` is what the address says besides."""
        raise NotImplementedError

    def post(self, request: HttpRequest, **about: Any) -> HttpResponse:
        """Do it, and go where one goes from there."""
        return self.done(self.effect(**about), self.home())
