"""Consoles in the browser: in a tab of the server's page, or in a window of their own."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, NamedTuple

from csp.constants import SELF, UNSAFE_INLINE
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views import View

from cloudweb.exceptions import CloudwebError
from compute.manager import HostManager
from dashboard.views.page import Page
from dashboard.views.server import ServerPage
from instances.api.console_addresses import PATH, path_of
from instances.manager import InstanceManager


class Kind(NamedTuple):
    """A kind of console, and what its button says."""

    name: str
    label: str
    capability: str


KINDS = (
    Kind("serial", "Serial line", "serial_console"),
    Kind("novnc", "Screen", "vnc_console"),
)
#: xterm.js writes the styles of its rows into the page.
STYLES = {"style-src": [SELF, UNSAFE_INLINE]}


def with_styles(response: HttpResponse) -> HttpResponse:
    """Let the page's scripts set styles in it."""
    response._csp_update = STYLES  # type: ignore[attr-defined]  # noqa: SLF001  # as csp.decorators do
    return response


class ServerTerminal(ServerPage):
    """The console, live."""

    tab: ClassVar[str] = "server_terminal"
    template = ""
    below = "dashboard/servers/terminal.html"

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return with_styles(super().get(request, server_id))

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add which kinds its host shows, or why there is none."""
        facts = super().facts(server_id)
        server, trouble, kinds = facts["server"], "", []
        if not self.may("compute:servers:open_console"):
            trouble = "Your role in this project does not let you use consoles."
        elif not server.host:
            trouble = "The guest has not started yet."
        else:
            able = HostManager(self.context).is_able
            kinds = [one for one in KINDS if able(server.host, one.capability)]
            trouble = "The host of this server shows no consoles."
        asked = self.request.GET.get("kind", "")
        kind = next(
            (one.name for one in kinds if one.name == asked), kinds[0].name if kinds else ""
        )
        ask = reverse("console_token", args=[server_id]) + f"?kind={kind}"
        return {
            **facts, "kinds": kinds, "kind": kind, "trouble": trouble,
            "path": f"{PATH}/{kind}", "ask": ask,
        }  # fmt: skip


class ConsoleToken(Page):
    """What the page's script opens the console with."""

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Return a token; why there is none."""
        kind = request.GET.get("kind", "serial")
        try:
            access = InstanceManager(self.context).open_console(str(server_id), kind=kind)
        except CloudwebError as error:
            return JsonResponse({"error": error.message}, status=error.status)
        return JsonResponse({"token": access.token}, headers={"Cache-Control": "no-store"})


class OpenConsole(Page):
    """A window of its own."""

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Go to an address that is good once."""
        kind = request.POST.get("kind", "serial")
        access = InstanceManager(self.context).open_console(str(server_id), kind=kind)
        return HttpResponseRedirect(path_of(access))


class ConsoleWindow(View):
    """The page of whoever has an address with a token; its script uses the token up."""

    def get(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Show it to anybody: it holds nothing."""
        if kind not in {one.name for one in KINDS}:
            raise Http404
        page = render(
            request, "dashboard/consoles/window.html", {"kind": kind, "path": f"{PATH}/{kind}"}
        )
        page.headers["Cache-Control"] = "no-store"
        page.headers["Referrer-Policy"] = "no-referrer"
        return with_styles(page)
