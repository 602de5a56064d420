"""One network: its subnets, who is on it, and who else may use it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.functional import cached_property

from cloudweb.listing import Listing
from dashboard.components.network_page import SHOWN, port_lines, subnet_lines
from dashboard.components.networks import called, network_badge
from dashboard.forms.network_page import EditNetworkForm, ShareForm, SubnetForm
from dashboard.views.box import Box
from dashboard.views.detail_page import DetailPage, Press
from network.manager import NetworkManager, RbacPolicyManager

#: What a policy says that lets a project put servers on a network.
SHARED = "access_as_shared"
EDITED = ("name", "description", "mtu", "admin_state_up")


class NetworkPage(DetailPage):
    """The page of a network."""

    section, noun = "networks", "network"

    @cached_property
    def network(self) -> Any:
        """Find it; raise NetworkNotFound."""
        return NetworkManager(self.context).get(self.key)

    @property
    def is_own(self) -> bool:
        """Tell whether it is the project's own, and not one that is shared with it."""
        return bool(self.network.project_id == self.context.project_id)

    def facts(self) -> dict[str, Any]:
        """Return what the page and its live part show."""
        network, own = self.network, self.is_own
        operates = self.may("network:any:see_operator_attributes")
        ports, more = port_lines(self.context, network)
        return {
            "network": network,
            "name": called(network),
            "badge": network_badge(network),
            "subnets": subnet_lines(self.context, network, counted=own or operates),
            "sees_details": own or operates or network.is_shared,
            "ports": ports,
            "shown": SHOWN if more else None,
            "operates": operates,
            "own": own,
            "shares": self._shares() if own else (),
            "may_update": own and self.may("network:networks:update"),
            "may_delete": own and self.may("network:networks:delete"),
            "may_add": own and self.may("network:subnets:create"),
            "may_delete_subnets": own and self.may("network:subnets:delete"),
            "may_share": own and self.may("network:rbac_policies:create"),
            "may_end_share": own and self.may("network:rbac_policies:delete"),
        }

    def _shares(self) -> Any:
        """Return the policies that let other projects use it."""
        where = Q(object_id=self.network.id, action=SHARED)
        return RbacPolicyManager(self.context).list(Listing(where=where, limit=SHOWN)).rows

    def forms(self) -> dict[str, Any]:
        """Return the forms in the boxes."""
        return {
            "edit_form": self.edit_form(),
            "subnet_form": self.subnet_form(),
            "share_form": self.share_form(),
        }

    def edit_form(self, data: Any = None) -> EditNetworkForm:
        """Return the form of its own attributes."""
        said = {name: getattr(self.network, name) for name in EDITED}
        return EditNetworkForm(data, initial=said, auto_id="edit_%s")

    def subnet_form(self, data: Any = None) -> SubnetForm:
        """Return the form of a new subnet."""
        return SubnetForm(data, initial={"enable_dhcp": True}, auto_id="subnet_%s")

    def share_form(self, data: Any = None) -> ShareForm:
        """Return the form of who else may use it."""
        return ShareForm(data, auto_id="share_%s")


class EditNetwork(Box, NetworkPage):
    """Change a network's own attributes."""

    box = "edit"

    def effect(self, said: dict[str, Any]) -> str:
        """Write down those that are not as they were: hosts hear of an MTU."""
        changes = {name: said[name] for name in EDITED if said[name] != getattr(self.network, name)}
        found = NetworkManager(self.context).update(self.key, **changes)
        return f"{called(found)} is changed."


class DeleteNetwork(Press, NetworkPage):
    """Delete a network, from its page."""

    def effect(self, **about: Any) -> str:
        """Delete it with its subnets."""
        name = called(self.network)
        NetworkManager(self.context).delete(self.key)
        return f"{name} was deleted."

    def home(self) -> str:
        """Go back to the list: it has no page any more."""
        return reverse(self.section)
