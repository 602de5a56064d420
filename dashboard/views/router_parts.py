"""Interfaces and extra routes of a router: added and taken away."""

from __future__ import annotations

from typing import Any

from dashboard.views.box import Box
from dashboard.views.detail_page import Press
from dashboard.views.router import RouterPage
from network.manager import RouterManager


class AddInterface(Box, RouterPage):
    """Join one more network."""

    box = "interface"

    def effect(self, said: dict[str, Any]) -> str:
        """Join it."""
        RouterManager(self.context).add_interface(self.key, subnet_id=said["subnet"])
        return "The network is joined."


class RemoveInterface(Press, RouterPage):
    """Part a network from it."""

    def effect(self, **about: Any) -> str:
        """Part it, with all subnets that the port is on."""
        RouterManager(self.context).remove_interface(self.key, port_id=about["port_id"])
        return "The network is parted."


class AddRoute(Box, RouterPage):
    """Send what goes to some addresses elsewhere."""

    box = "route"

    def effect(self, said: dict[str, Any]) -> str:
        """Add it."""
        RouterManager(self.context).add_routes(self.key, [said])
        return f"What goes to {said['destination']} takes {said['nexthop']} now."


class RemoveRoute(Press, RouterPage):
    """Take a route away; which one, the form says."""

    def effect(self, **about: Any) -> str:
        """Take it away; one that is gone already is no error."""
        said = {name: self.request.POST.get(name, "") for name in ("destination", "nexthop")}
        RouterManager(self.context).remove_routes(self.key, [said])
        return f"The route to {said['destination']} is gone."
