"""Key pairs: list, generate, import, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Tool
from dashboard.forms.key_pairs import ImportKeyForm, NewKeyForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from instances.manager import KeyPairManager

if TYPE_CHECKING:
    from instances.models import KeyPair


def _delete(context: RequestContext, name: str) -> None:
    KeyPairManager(context).delete(name)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="compute:keypairs:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="Servers that have it keep letting its owner in.",
    warning_all="Servers that have them keep letting their owner in.",
    harm=True,
)


class KeyPairs(ListPage):
    """The user's keys; the same in every project."""

    section = route = "key_pairs"
    needs_project = False
    template = "dashboard/key_pairs/list.html"
    title, nouns = "Key pairs", ("key pair", "key pairs")
    about = "Your keys for logging in to servers; the same in all your projects"
    columns = (
        Column("Name", lambda pair: cells.strong(pair.name), sort="name"),
        Column("Fingerprint", lambda pair: cells.quiet(pair.fingerprint, "mono break")),
        Column("Created", lambda pair: cells.ago(pair.created_at), sort="created_at", falling=True),
    )
    order = "name"
    search = (Field("q", "Find by name", live=True),)
    actions = (DELETE,)
    tools = (
        Tool("Import", "import_key", "upload", box="import-box", main=False),
        Tool("Generate key pair", "generate_key", box="new-box"),
    )
    empty = Empty(
        "key",
        "No key pairs yet",
        "A server lets in whoever holds the private half of its key. Generate a pair here, or import "
        "the public key you have.",
    )
    limit = 50

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        return KeyPairManager(self.context).list(
            words=asked.q, order=asked.columns(last="name"), marker=asked.marker, limit=asked.limit
        )

    def key_of(self, row: KeyPair) -> str:
        """Return the name, which is all a key pair is known by."""
        return row.name

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the forms in the boxes."""
        forms = {"new_form": NewKeyForm(), "import_form": self.import_form()}
        return super().facts(**{**forms, **more})

    def import_form(self, data: Any = None) -> ImportKeyForm:
        """Return the form of a key that exists."""
        return ImportKeyForm(data, auto_id="import_%s")


class GenerateKey(KeyPairs):
    """Draw a pair; its private half is in this one answer and nowhere else."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the list with the form open."""
        return self.show(opened="new")

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
            return self.show(status=422, new_form=form, opened="new")
        response = self.show(made=made)
        response.headers["Cache-Control"] = "no-store"
        return response


class ImportKey(Box, KeyPairs):
    """Keep a public key."""

    box = "import"

    def effect(self, said: dict[str, Any]) -> str:
        """Import it."""
        KeyPairManager(self.context).create(**said)
        return f"{said['name']} was imported."
