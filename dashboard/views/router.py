"""One router: where it leads, what it joins, and what leads through it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.functional import cached_property

from dashboard.components.networks import Choices, called, outside_of, router_badge
from dashboard.components.router_page import joinable, joints, through
from dashboard.forms.router_page import EditRouterForm, GatewayForm, InterfaceForm, RouteForm
from dashboard.views.box import Box
from dashboard.views.detail_page import DetailPage, Press
from network import states
from network.manager import RouterManager
from network.manager.router_gateway import Gateway

EDITED = ("name", "description", "admin_state_up")


class RouterPage(DetailPage):
    """The page of a router."""

    section, noun = "routers", "router"

    @cached_property
    def router(self) -> Any:
        """Find it; raise RouterNotFound."""
        return RouterManager(self.context).get(self.key)

    @cached_property
    def ports(self) -> Any:
        """Where it leads, and what it joins."""
        return joints(self.context, self.router)

    def facts(self) -> dict[str, Any]:
        """Return what the page and its live part show."""
        router = self.router
        outer, inner = self.ports
        own = router.project_id == self.context.project_id
        may_update = own and self.may("network:routers:update")
        return {
            "router": router,
            "name": called(router),
            "badge": router_badge(router),
            "waits": router.status == states.ALLOCATING,
            "outer": outer,
            "inner": inner,
            "floating": through(self.context, router),
            "operates": self.may("network:any:see_operator_attributes"),
            "may_update": may_update,
            "may_delete": own and self.may("network:routers:delete"),
            "may_join": own and self.may("network:routers:add_interface"),
            "may_part": own and self.may("network:routers:remove_interface"),
        }

    def forms(self) -> dict[str, Any]:
        """Return the forms in the boxes."""
        return {
            "edit_form": self.edit_form(),
            "gateway_form": self.gateway_form(),
            "interface_form": self.interface_form(),
            "route_form": self.route_form(),
        }

    def edit_form(self, data: Any = None) -> EditRouterForm:
        """Return the form of its own attributes."""
        said = {name: getattr(self.router, name) for name in EDITED}
        return EditRouterForm(data, initial=said, auto_id="edit_%s")

    def gateway_form(self, data: Any = None) -> GatewayForm:
        """Return the form of where it leads."""
        outer, _ = self.ports
        nowhere = ("", "Nowhere: it only joins networks")
        offered: dict[str, Choices] = {"outside": [*outside_of(self.context), nowhere]}
        said = {"outside": outer.network_id if outer is not None else ""}
        return GatewayForm(data, offered=offered, initial=said, auto_id="gateway_%s")

    def interface_form(self, data: Any = None) -> InterfaceForm:
        """Return the form of what else it joins."""
        _, inner = self.ports
        offered = {"subnet": joinable(self.context, inner)}
        return InterfaceForm(data, offered=offered, auto_id="interface_%s")

    def route_form(self, data: Any = None) -> RouteForm:
        """Return the form of one more route."""
        return RouteForm(data, auto_id="route_%s")


class EditRouter(Box, RouterPage):
    """Change a router's own attributes."""

    box = "edit"

    def effect(self, said: dict[str, Any]) -> str:
        """Write down those that are not as they were: its host hears of being switched off."""
        changes = {name: said[name] for name in EDITED if said[name] != getattr(self.router, name)}
        found = RouterManager(self.context).update(self.key, **changes)
        return f"{called(found)} is changed."


class SetGateway(Box, RouterPage):
    """Lead a router outside, elsewhere, or nowhere."""

    box = "gateway"

    def effect(self, said: dict[str, Any]) -> str:
        """Set it."""
        wanted = Gateway(said["outside"]) if said["outside"] else None
        RouterManager(self.context).update(self.key, gateway=wanted)
        return "It leads there now." if wanted else "It leads nowhere outside now."


class DeleteRouter(Press, RouterPage):
    """Delete a router, from its page."""

    def effect(self, **about: Any) -> str:
        """Part its networks, and delete it."""
        name = called(self.router)
        RouterManager(self.context).delete_with_interfaces(self.key)
        return f"{name} was deleted."

    def home(self) -> str:
        """Go back to the list: it has no page any more."""
        return reverse(self.section)
