"""Addresses of a server that is there: one more of a network, one of outside that leads to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from cloudweb.policy import policy
from instances.actions.addresses import (
    ADD_FIXED_IP,
    ADD_FLOATING_IP,
    REMOVE_FIXED_IP,
    REMOVE_FLOATING_IP,
)
from instances.exceptions import (
    AddressNotOfServer,
    FloatingIpNotAssociated,
    FloatingIpUnknown,
    NoAddressToLeadTo,
    ServerNotOnNetwork,
)
from instances.manager.acting import InstanceActs
from instances.manager.cards import ports_of
from instances.models import Instance
from network.exceptions.ports import IpAddressGenerationFailure
from network.manager import FloatingIpManager, PortManager, SubnetManager
from network.rows import PortCard

if TYPE_CHECKING:
    from network.models import FloatingIp


class InstanceAddresses(InstanceActs):
    """Given and taken.

    Of a shared network its users say no addresses, but get the next one: that is asked for by the cloud's
    own right. No lock of the server is held over a port; two at once are told apart by its revision.
    """

    @policy(ADD_FIXED_IP.policy)
    def add_fixed_ip(self, instance_id: str, *, network_id: str) -> None:
        """Give the first port that a server has on a network one more address.

        Raises ServerNotOnNetwork, IpAddressGenerationFailure where no subnet has one left.
        """
        instance = self._open_to(instance_id, ADD_FIXED_IP)
        cards = [card for card in self._plugged(instance) if card.network_id == network_id]
        if not cards:
            raise ServerNotOnNetwork(instance.id, network_id)
        system = RequestContext.system(request_id=self.context.request_id)
        of_network = Listing(where=Q(network_id=network_id), order=("ip_version", "created_at"))
        for subnet in SubnetManager(system).list(of_network).rows:
            try:
                self._set_addresses(cards[0], more=[{"subnet_id": str(subnet.id)}])
            except IpAddressGenerationFailure:
                continue
            return
        raise IpAddressGenerationFailure(network_id)

    @policy(REMOVE_FIXED_IP.policy)
    def remove_fixed_ip(self, instance_id: str, *, address: str) -> None:
        """Take an address from the port that has it; raise AddressNotOfServer."""
        instance = self._open_to(instance_id, REMOVE_FIXED_IP)
        for card in self._plugged(instance):
            if address in [one.ip_address for one in card.addresses]:
                return self._set_addresses(card, without=address)
        raise AddressNotOfServer(instance.id, address)

    @policy(ADD_FLOATING_IP.policy)
    def add_floating_ip(
        self, instance_id: str, *, address: str, fixed_address: str | None = None
    ) -> None:
        """Lead an address of outside to a server: to its first, or to the one that is said.

        It leads nowhere else from then on. Raises FloatingIpUnknown, NoAddressToLeadTo, and what stands
        against it on the way.
        """
        instance = self._open_to(instance_id, ADD_FLOATING_IP)
        floating = self._floating(address)
        for card in self._plugged(instance):
            for one in card.addresses:
                if ":" not in one.ip_address and fixed_address in (None, one.ip_address):
                    FloatingIpManager(self.context).update(
                        floating.id, port_id=card.id, fixed_ip_address=one.ip_address
                    )
                    return
        raise NoAddressToLeadTo(instance.id)

    @policy(REMOVE_FLOATING_IP.policy)
    def remove_floating_ip(self, instance_id: str, *, address: str) -> None:
        """Lead an address of outside nowhere; raise FloatingIpUnknown, FloatingIpNotAssociated."""
        instance = self._open_to(instance_id, REMOVE_FLOATING_IP)
        floating = self._floating(address)
        if str(floating.fixed_port_id) not in map(str, instance.port_ids):
            raise FloatingIpNotAssociated(address, instance.id)
        FloatingIpManager(self.context).update(floating.id, port_id=None)

    def _floating(self, address: str) -> FloatingIp:
        asked = Listing(where=Q(floating_ip_address=address))
        found = FloatingIpManager(self.context).list(asked).rows
        if not found:
            raise FloatingIpUnknown(address)
        return found[0]

    def _plugged(self, instance: Instance) -> Sequence[PortCard]:
        return ports_of(self.context, [instance])[str(instance.id)]

    def _set_addresses(
        self, card: PortCard, *, more: Sequence[dict[str, str]] = (), without: str = ""
    ) -> None:
        """Write a port's addresses anew, as they are now but for this."""
        ports = PortManager(RequestContext.system(request_id=self.context.request_id))
        port = ports.get(card.id)
        kept = [
            {"subnet_id": str(one.subnet_id), "ip_address": one.ip_address}
            for one in port.addresses.all()
            if one.ip_address != without
        ]
        ports.update(port.id, if_revision=port.revision, fixed_ips=[*kept, *more])
