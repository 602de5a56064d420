"""A form of a page, in a dialog of that page."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from cloudweb.exceptions import CloudwebError
from dashboard.forms.fields import RefusableForm
from dashboard.views.page import Page


class Boxed(Page):
    """A page that has boxes: ``show`` draws all of it with forms as they are given, ``home`` is its address."""

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """Show the whole page."""
        raise NotImplementedError

    def home(self) -> str:
        """Return its address, as nobody asked anything of it yet."""
        raise NotImplementedError


class Box(Boxed):
    """Mixed with a page: its address shows that page with the dialog open, for those without scripts.

    ``box`` names the dialog; its form is ``<box>_form`` in the template, and made by the page's method of
    that name.
    """

    box: ClassVar[str]

    def effect(self, said: dict[str, Any]) -> str:
        """Do what the valid form asks for; return the sentence that tells."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page with the form open."""
        return self.show(opened=self.box)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        name = f"{self.box}_form"
        form: RefusableForm = getattr(self, name)(request.POST)
        if form.is_valid():
            try:
                told = self.effect(form.cleaned_data)
            except CloudwebError as error:
                form.refuse(error)
            else:
                return self.done(told, self.home())
        return self.show(status=422, opened=self.box, **{name: form})
