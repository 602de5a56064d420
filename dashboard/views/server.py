"""One server: facts, console log, history; each a tab, each live."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from cloudweb.driver import DriverError
from cloudweb.exceptions import NotFound, ServiceUnavailable
from dashboard.components.connect import connect_to
from dashboard.components.fault import fault_of
from dashboard.components.floating import floating_offer
from dashboard.components.networks import OFFERED
from dashboard.components.reach import filters_of, own_address
from dashboard.components.servers import rows_of
from dashboard.components.volumes import volumes_in
from dashboard.forms.floating import AttachFloatingForm
from dashboard.forms.server import RenameForm
from dashboard.views.page import Page, is_htmx
from image.exceptions import ImageNotFound
from image.manager import ImageManager
from instances.actions import ACTIONS
from instances.exceptions import InstanceNotFound, InstanceNotReady
from instances.manager import InstanceManager
from instances.timeline import TimelineManager
from network.manager import ReachManager, SecurityGroupManager, TrafficManager
from network.traffic import KINDS

if TYPE_CHECKING:
    from instances.models import Instance

LINES = 500
TABS = (
    ("server", "Overview", "list-details"),
    ("server_terminal", "Console", "terminal-2"),
    ("server_console", "Console log", "file-text"),
    ("server_usage", "Usage", "activity"),
    ("server_history", "History", "history"),
    ("server_trace", "Reachability", "router"),
)


class ServerPage(Page):
    """What every tab shows: the name, the state, the buttons, the fault."""

    section = "servers"
    tab: ClassVar[str] = "server"
    template: ClassVar[str] = "dashboard/servers/overview.html"
    #: What lies below the live part and refreshes by itself.
    below: ClassVar[str] = ""

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Show the tab; htmx gets its live part."""
        try:
            facts = self.facts(server_id)
        except InstanceNotFound:
            if not is_htmx(request):
                raise
            response = HttpResponse(status=204)  # it was deleted while we watched
            response.headers["HX-Redirect"] = reverse("servers")
            return response
        if is_htmx(request):
            return self.fragment("dashboard/servers/live.html", **facts, part=self.template)
        return self.shown(facts)

    def shown(self, facts: dict[str, Any], *, status: int = 200, **more: Any) -> HttpResponse:
        """Show the whole page."""
        page, told = "dashboard/servers/detail.html", {**facts, **more}
        return self.render(page, status=status, **told, part=self.template, below=self.below)

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Return what the head of the page shows; a tab adds its own."""
        instance = InstanceManager(self.context).get(server_id)
        [row] = rows_of(self.context, [instance])
        tabs = [
            (text, reverse(name, args=[server_id]), icon, name == self.tab)
            for name, text, icon in TABS
        ]
        return {
            "row": row,
            "server": instance,
            "busy": row.busy,
            "fault": fault_of(instance.fault_message) if instance.vm_state == "error" else None,
            "tabs": tabs,
            "may_update": self.may("compute:servers:update"),
            "may_create": self.may("compute:servers:create"),
            "rename": RenameForm(initial={"name": instance.name}),
        }


class ServerOverview(ServerPage):
    """Facts and addresses, and what is going on."""

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add the image's name and the operation under way."""
        facts = super().facts(server_id)
        instance = facts["server"]
        log = TimelineManager(self.context).list(str(server_id), limit=2)
        entries = [one.entry for one in log.rows]
        image = self._image(instance.image_id)
        row, own = facts["row"], own_address(self.request)
        reach = ReachManager(self.context).of_ports([one.id for one in row.cards], own=own)
        floating = floating_offer(self.context, row) if self._may_lead() else None
        return {
            **facts,
            "image": image,
            "filters": filters_of(reach, instance.name),
            "is_outside": any(address.reachable for address in row.addresses),
            "groups": self._groups(reach.group_ids) if row.cards and facts["may_update"] else (),
            "floating": floating,
            "floating_form": AttachFloatingForm(offer=floating) if floating else None,
            "may_attach_interface": self._may("attach_interface", instance),
            "may_swap_volumes": self._may("swap_volume", instance),
            "may_release": self.may("network:floating_ips:update"),
            "entry": entries[0] if entries else None,
            "connect": connect_to(
                instance,
                image=image,
                addresses=row.addresses,
                traffic=reach.traffic,
                site=self.request.get_host(),
            ),
            "may_allow": self.may("network:traffic:allow"),
            "volumes": volumes_in(self.context, str(server_id)),
            "may_snapshot": self.may("volume:snapshots:create"),
        }

    def _may(self, name: str, server: Instance) -> bool:
        """Tell whether an action that needs more than a button starts on it now."""
        action, ran = ACTIONS[name], server.launched_at is not None
        locked = bool(server.locked_by) and not self.context.is_admin
        starts = action.may_start(server.vm_state, server.task_state, ran=ran, locked=locked)
        return starts and self.may(action.policy)

    def _may_lead(self) -> bool:
        return self.may("network:floating_ips:create") and self.may("network:floating_ips:update")

    def _groups(self, worn: Collection[str]) -> Sequence[tuple[str, str]]:
        """Return the groups that the server may join."""
        known = SecurityGroupManager(self.context).names(limit=OFFERED)
        return [(key, name) for key, name in known if key not in worn]

    def _image(self, image_id: str) -> Any:
        """Return the image the server was made from; None when it is gone or hidden by now."""
        try:
            return ImageManager(self.context).get(image_id) if image_id else None
        except ImageNotFound:
            return None


class RenameServer(ServerOverview):
    """The server's new name."""

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Lead back to the server."""
        return HttpResponseRedirect(reverse("server", args=[server_id]))

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Rename it; what is wrong with the name is shown at its field."""
        form = RenameForm(request.POST)
        if form.is_valid():
            name = form.cleaned_data["name"]
            InstanceManager(self.context).update(str(server_id), name=name)
            return self.done(f"It is called {name} now.", reverse("server", args=[server_id]))
        return self.shown(self.facts(server_id), status=422, rename=form)


class AllowTraffic(Page):
    """The button that lets SSH, ping or web pages in to a server."""

    section = "servers"

    def post(self, request: HttpRequest, server_id: uuid.UUID, kind: str) -> HttpResponse:
        """Let it in."""
        instance = InstanceManager(self.context).get(server_id)
        TrafficManager(self.context).allow(kind, device_id=str(instance.id))
        url = reverse("server", args=[server_id])
        return self.done(f"{instance.name} lets {KINDS[kind].text} in.", url)


class ServerHistory(ServerPage):
    """Every operation with its steps, newest first."""

    tab = "server_history"
    template = "dashboard/servers/history.html"

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add the operations."""
        log = TimelineManager(self.context).list(str(server_id))
        entries = [one.entry for one in log.rows]
        return {**super().facts(server_id), "entries": entries}


class ServerConsole(ServerPage):
    """The console log, which follows the guest."""

    tab = "server_console"
    template = ""
    below = "dashboard/servers/console.html"

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add that it may be read at all; the text comes by itself."""
        return {
            **super().facts(server_id),
            "may_read": self.may("compute:servers:console_output"),
        }


class ConsoleText(Page):
    """The newest lines of the console."""

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Show them, or why there are none."""
        text, trouble = "", ""
        try:
            text = InstanceManager(self.context).console_output(str(server_id), length=LINES)
        except InstanceNotReady:
            trouble = "The guest has not started yet."
        except ServiceUnavailable as error:
            trouble = f"{error.message} The log comes back when it does."
        except DriverError as error:
            trouble = str(error)
        return self.fragment("dashboard/servers/console_text.html", text=text, trouble=trouble)


class ConsoleDownload(Page):
    """The whole console log as a file."""

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Send it."""
        manager = InstanceManager(self.context)
        name = manager.get(server_id).hostname
        try:
            text = manager.console_output(str(server_id))
        except DriverError as error:
            raise NotFound(str(error)) from error
        response = HttpResponse(text, content_type="text/plain; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-console.txt"'
        return response
