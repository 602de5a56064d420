"""Network cards that a server gets and loses."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from dashboard.components.interfaces import interface_of, interfaces_offered
from dashboard.forms.interfaces import AttachInterfaceForm
from dashboard.views.page import Page
from dashboard.views.server import ServerOverview
from instances.manager import InstanceManager


class AttachInterface(ServerOverview):
    """Give it one more card, running or not."""

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Show the server with the form open."""
        return self._asked(server_id, self._form())

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        instance, form = InstanceManager(self.context).get(server_id), self._form(request.POST)
        if form.is_valid():
            wanted = interface_of(form.cleaned_data["what"])
            try:
                InstanceManager(self.context).attach_interface(str(server_id), wanted)
            except CloudwebError as error:
                form.refuse(error)
            else:
                text = f"{instance.name} is being given a network card."
                return self.done(text, reverse("server", args=[server_id]))
        return self._asked(server_id, form, status=422)

    def _form(self, data: Any = None) -> AttachInterfaceForm:
        offered = {"what": interfaces_offered(self.context)}
        return AttachInterfaceForm(data, offered=offered, auto_id="interface_%s")

    def _asked(
        self, server_id: uuid.UUID, form: AttachInterfaceForm, *, status: int = 200
    ) -> HttpResponse:
        facts = self.facts(server_id)
        return self.shown(facts, status=status, opened="interface", interface_form=form)


class DetachInterface(Page):
    """Take a card away; a port of its user's own stays."""

    section = "servers"

    def post(self, request: HttpRequest, server_id: uuid.UUID, port_id: uuid.UUID) -> HttpResponse:
        """Start it."""
        InstanceManager(self.context).detach_interface(str(server_id), str(port_id))
        url = reverse("server", args=[server_id])
        return self.done("The network card is being detached.", url)
