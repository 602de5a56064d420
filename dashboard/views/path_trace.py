"""Why a server cannot be reached: a question, and the answer in sentences."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from dashboard.components.networks import cards_of
from dashboard.forms.networks import Choices
from dashboard.forms.path_trace import OUTSIDE, PathTraceForm
from dashboard.views.server import ServerPage
from network.manager import PathTraceManager
from network.manager.path_trace import End
from network.protocols import PROTOCOLS
from network.trace.facts import OBSERVED, REPORTED

if TYPE_CHECKING:
    from network.trace.facts import Hop, Trace

TITLES = {
    "reaches": ("success", "circle-check", "Nothing that the cloud knows stops it"),
    "stopped": ("danger", "circle-x", "It is stopped on the way"),
    "unknown": ("warning", "alert-triangle", "Nobody here can tell how it goes on"),
}
#: How a hop is marked, by whether it passes.
MARKS = {
    True: ("success", "check", "Passes"),
    False: ("danger", "x", "Stops here"),
    None: ("warning", "info-circle", "Not known"),
}
PAGES = {
    "router": "routers",
    "floatingip": "floating_ips",
    "network": "networks",
    "subnet": "networks",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A hop as the page shows it; ``is_end``: it is the one that counts. ``known`` says where it is known from."""

    hop: Hop
    tone: str
    icon: str
    said: str
    is_end: bool
    url: str = ""
    link: str = ""
    known: str = ""


class ServerTrace(ServerPage):
    """The form, and the way of the packet that it asks for."""

    tab = "server_trace"
    template = ""
    below = "dashboard/servers/trace.html"

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add the form, and the answer once it is asked."""
        facts = super().facts(server_id)
        own = [card.id for card in facts["row"].cards]
        others = [choice for choice in cards_of(self.context) if choice[0] not in own]
        offered: dict[str, Choices] = {"source": [(OUTSIDE, "Anywhere outside"), *others]}
        if "source" not in self.request.GET:
            initial = {"source": OUTSIDE, "protocol": "tcp", "port": 22}
            return {**facts, "form": PathTraceForm(offered=offered, initial=initial)}
        form = PathTraceForm(self.request.GET, offered=offered)
        facts["form"] = form
        if not form.is_valid():
            return facts
        try:
            trace = self._trace(server_id, form.cleaned_data)
        except CloudwebError as error:
            form.refuse(error)
            return facts
        tone, icon, title = TITLES[trace.verdict]
        lines = self._lines(server_id, trace)
        return {**facts, "trace": trace, "lines": lines, "tone": tone, "mark": icon, "title": title,
                "end": next((line for line in lines if line.is_end), None)}  # fmt: skip

    def _trace(self, server_id: uuid.UUID, said: dict[str, Any]) -> Trace:
        inside = said["source"] if said["source"] != OUTSIDE else None
        return PathTraceManager(self.context).create(
            source=End(port_id=inside, address=said["address"]),
            destination=End(server_id=server_id),
            protocol=PROTOCOLS[said["protocol"]],
            port=said["port"] if said["protocol"] != "icmp" else None,
        )

    def _lines(self, server_id: uuid.UUID, trace: Trace) -> list[Line]:
        return [*_lines(trace, server=reverse("server", args=[server_id]))]


def _lines(trace: Trace, *, server: str) -> Iterable[Line]:
    for place, hop in enumerate(trace.hops):
        tone, icon, said = MARKS[hop.passes]
        url, link = _page(hop, server)
        yield Line(hop, tone, icon, said, place == trace.stopped_at, url, link, _known(hop))


def _known(hop: Hop) -> str:
    """Return where a hop is known from; nothing for what was intended."""
    return {OBSERVED: "Seen by its host", REPORTED: "Reported by its host"}.get(hop.source, "")


def _page(hop: Hop, server: str) -> tuple[str, str]:
    """Return where a thing is looked after, and what that is called."""
    if hop.kind == "security_groups":
        return reverse("security_groups"), "Security groups"
    if hop.kind == "outside" and hop.passes is False:
        return server, "Attach a floating IP on the server's page"
    if hop.thing in PAGES and hop.id:
        name = PAGES[hop.thing]
        return reverse(name), name.replace("_", " ").capitalize().replace("ips", "IPs")
    return "", ""
