"""What a server's page changes about its network: floating IPs and security groups."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from cloudweb.exceptions import CloudwebError, NotFound
from cloudweb.policy import check
from dashboard.components.floating import NEW, floating_offer
from dashboard.components.servers import rows_of
from dashboard.forms.floating import AttachFloatingForm
from dashboard.views.page import Page
from dashboard.views.server import ServerOverview
from instances.manager import InstanceManager, ports_of
from network.manager import FloatingIpManager, PortManager, ReachManager
from network.manager.private_network import PrivateNetworkManager

if TYPE_CHECKING:
    from network.models import FloatingIp


class AttachFloatingIp(ServerOverview):
    """Lead a floating IP to the server: a free one, or one that is taken in the same go."""

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Show the server with the form open."""
        return self.shown(self.facts(server_id), opened="floating")

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        check(self.context, "network:floating_ips:create")
        instance = InstanceManager(self.context).get(server_id)
        [row] = rows_of(self.context, [instance])
        offer = floating_offer(self.context, row)
        if offer is None:
            raise NotFound("No floating IP can be led to this server.")
        form = AttachFloatingForm(request.POST, offer=offer)
        if form.is_valid():
            try:
                made = self._lead(**form.cleaned_data)
            except CloudwebError as error:
                form.refuse(error)
            else:
                text = f"{made.floating_ip_address} leads to {instance.name}."
                return self.done(text, reverse("server", args=[server_id]))
        facts = self.facts(server_id)
        return self.shown(facts, status=422, opened="floating", floating_form=form)

    def _lead(self, *, source: str, target: str, connect: bool) -> FloatingIp:
        port_id, _, address = target.partition(" ")
        manager = FloatingIpManager(self.context)
        about: dict[str, Any] = {"port_id": port_id, "fixed_ip_address": address}
        outside = source.removeprefix(NEW) if source.startswith(NEW) else ""
        if connect:
            outside_id = outside or str(manager.get(source).floating_network_id)
            card = PortManager(self.context).cards([port_id])[port_id]
            subnet = next(one.subnet_id for one in card.addresses if one.ip_address == address)
            PrivateNetworkManager(self.context).connect(subnet, outside=outside_id)
        if outside:
            return manager.create(floating_network_id=outside, **about)
        return manager.update(source, **about)


class DetachFloatingIp(Page):
    """Let a floating IP of the server lead nowhere; it stays the project's."""

    section = "servers"

    def post(
        self, request: HttpRequest, server_id: uuid.UUID, floating_id: uuid.UUID
    ) -> HttpResponse:
        """Release it."""
        instance = InstanceManager(self.context).get(server_id)
        cards = ports_of(self.context, [instance])[str(instance.id)]
        led = {one.id: one for card in cards for one in card.floating}
        if str(floating_id) not in led:
            raise NotFound("This floating IP does not lead to the server.")
        FloatingIpManager(self.context).update(floating_id, port_id=None)
        address = led[str(floating_id)].floating_ip_address
        url = reverse("server", args=[server_id])
        return self.done(f"{address} does not lead to {instance.name} any more.", url)


class GroupOfServer(Page):
    """A group of the server's."""

    section = "servers"

    def ports(self, server_id: uuid.UUID) -> list[str]:
        """Return the ids of the server's ports."""
        instance = InstanceManager(self.context).get(server_id)
        return [card.id for card in ports_of(self.context, [instance])[str(instance.id)]]


class AttachGroup(GroupOfServer):
    """Put the server into a group."""

    def get(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Lead back to the server."""
        return HttpResponseRedirect(reverse("server", args=[server_id]))

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Do it, at all of its ports."""
        ports, wanted = self.ports(server_id), request.POST.get("group", "")
        manager = ReachManager(self.context)
        group = manager.attach(wanted, port_ids=ports, device_id=str(server_id))
        return self.done(f"It is in group {group.name} now.", reverse("server", args=[server_id]))


class DetachGroup(GroupOfServer):
    """Take the server out of a group."""

    def post(self, request: HttpRequest, server_id: uuid.UUID, group_id: uuid.UUID) -> HttpResponse:
        """Do it, at all of its ports."""
        ports, manager = self.ports(server_id), ReachManager(self.context)
        group = manager.detach(group_id, port_ids=ports, device_id=str(server_id))
        url = reverse("server", args=[server_id])
        return self.done(f"It is not in group {group.name} any more.", url)
