"""What a server's guest used in the last hour or day, as graphs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from cloudweb.driver import DriverError
from cloudweb.exceptions import ServiceUnavailable
from compute.graphs import SPANS, Graph, graphs, span_of
from dashboard.views.page import Page
from dashboard.views.server import ServerPage
from instances.exceptions import InstanceNotReady
from instances.manager import InstanceManager


class ServerUsage(ServerPage):
    """Graphs of processors, memory, disks and network."""

    tab = "server_usage"
    template = ""
    below = "dashboard/servers/usage.html"

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add which time is shown; the graphs come by themselves."""
        span = span_of(self.request.GET.get("span", ""))
        spans = [(key, words, key == span) for key, (words, _) in SPANS.items()]
        return {**super().facts(server_id), "span": span, "spans": spans}


class UsageGraphs(Page):
    """The graphs of one time."""

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Draw them, or say why there are none."""
        span, until = span_of(request.GET.get("span", "")), time.time()
        words, seconds = SPANS[span]
        drawn: Sequence[Graph] = ()
        trouble = "Nothing was counted yet: the first values come after some minutes."
        try:
            meters = InstanceManager(self.context).meters(str(server_id), span)
            drawn = graphs(meters, since=until - seconds, until=until)
        except InstanceNotReady:
            trouble = "The server is on no host: there is nothing to count."
        except ServiceUnavailable as error:
            trouble = f"{error.message} The graphs come back when it does."
        except DriverError as error:
            trouble = str(error)
        return self.fragment(
            "dashboard/servers/usage_graphs.html",
            graphs=drawn,
            trouble="" if drawn else trouble,
            span=words,
        )
