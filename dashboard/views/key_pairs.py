"""Key pairs: list, generate, import, delete."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from cloudweb.exceptions import CloudwebError
from dashboard.forms.key_pairs import ImportKeyForm, NewKeyForm
from dashboard.views.page import Page
from instances.manager import KeyPairManager

PER_PAGE = 50


class KeyPairs(Page):
    """The user's keys; the same in every project."""

    section = "key_pairs"
    needs_project = False

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.show(request)

    def show(self, request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
        """Show them, with what just happened."""
        marker = request.GET.get("after") or None
        page = KeyPairManager(self.context).list(limit=PER_PAGE, marker=marker)
        data = {
            "pairs": page.rows,
            "after": page.rows[-1].name if page.more else "",
            "paged": bool(marker),
            "new_form": NewKeyForm(),
            "import_form": ImportKeyForm(),
            **more,
        }
        return self.render("dashboard/key_pairs/list.html", status=status, **data)


class GenerateKey(KeyPairs):
    """Draw a pair; its private half is in this one answer and nowhere else."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lead back to the list: a private key is not shown twice."""
        return HttpResponseRedirect(reverse("key_pairs"))

    @sensitive_variables("made")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Generate it; the launch page gets a fragment, the list the whole page."""
        form = NewKeyForm(request.POST, prefix=request.POST.get("prefix") or None)
        made = None
        if form.is_valid():
            try:
                made = KeyPairManager(self.context).create(name=form.cleaned_data["name"])
            except CloudwebError as error:
                form.refuse(error)
        if request.POST.get("inline"):
            keys = KeyPairManager(self.context).list().rows
            chosen = {"key": made.pair.name if made else ""}
            return self.fragment(
                "dashboard/key_pairs/choice.html",
                keys=keys, made=made, new_form=form, chosen=chosen,
            )  # fmt: skip
        if made is None:
            return self.show(request, status=422, new_form=form, opened="new")
        response = self.show(request, made=made)
        response.headers["Cache-Control"] = "no-store"
        return response


class ImportKey(KeyPairs):
    """Keep a public key."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lead back to the list."""
        return HttpResponseRedirect(reverse("key_pairs"))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Import it."""
        form = ImportKeyForm(request.POST)
        if form.is_valid():
            try:
                KeyPairManager(self.context).create(**form.cleaned_data)
            except CloudwebError as error:
                form.refuse(error)
            else:
                return self.done(f"{form.cleaned_data['name']} was imported.", reverse("key_pairs"))
        return self.show(request, status=422, import_form=form, opened="import")


class DeleteKey(Page):
    """Forget a key."""

    section = "key_pairs"
    needs_project = False

    def post(self, request: HttpRequest) -> HttpResponse:
        """Delete it; servers that have it keep it."""
        name = request.POST.get("name", "")
        KeyPairManager(self.context).delete(name)
        return self.done(f"{name} was deleted.", reverse("key_pairs"))
