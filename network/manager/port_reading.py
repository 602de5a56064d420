"""Ports as they are looked at: lists as values, one as a model, by device and by address."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import prefetch_related_objects

from cloudweb.database.prepared import Given, Prepared
from cloudweb.database.uuids import Among
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.patterns import Pattern
from cloudweb.policy import policy
from network.exceptions.ports import PortNotFound
from network.manager.standard import Identifier, StandardManager, number
from network.models import Port
from network.rows import PortCard, PortRow, port_cards, port_columns, port_rows

_PORT = Prepared(lambda: Port.objects.select_related("network").filter(id=Given("id")))


class PortReading(StandardManager[Port]):
    """What may be asked about ports of the caller's project."""

    model = Port
    missing = PortNotFound

    def _get(self, identifier: Identifier) -> Port:
        port = _PORT.row(id=number(identifier))
        if port is None or not self._owns(port):
            raise PortNotFound(identifier)
        prefetch_related_objects([port], "addresses", "memberships")
        return port

    @policy("network:ports:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[PortRow]:
        """Return own ports, as values."""
        page = self._page(listing, port_columns(Port.objects.visible_to(self.context)))
        return Page(port_rows(page.rows), page.more)

    @policy("network:ports:get")
    def get(self, port_id: Identifier) -> Port:
        """Return a port; raise PortNotFound."""
        return self._get(port_id)

    @policy("network:ports:list")
    def cards(self, port_ids: Collection[str]) -> dict[str, PortCard]:
        """Return those that are there by id, as their devices show them: four queries, no models."""
        rows = Port.objects.visible_to(self.context).filter(Among("id", port_ids))
        return {card.id: card for card in port_cards(rows)}

    @policy("network:ports:list")
    def ids_at(self, address: Pattern) -> Collection[UUID]:
        """Return the ports of devices with an address that matches.

        Whose they are is told by the devices' own rows, not by the device that a port names.
        """
        rows = Port.objects.visible_to(self.context).exclude(device_id="")
        condition = address.condition("addresses__ip_address", exact_case=True)
        if condition is not None:
            return {*rows.filter(condition).values_list("id", flat=True)}
        pairs = rows.filter(addresses__isnull=False).values_list("id", "addresses__ip_address")
        return {port for port, text in pairs if address.matches(text)}

    @policy("network:ports:wiring")
    def find_at(self, network_id: Identifier, address: str, *, host: str) -> Port | None:
        """Return the port of this host that has this very address on the network."""
        rows = Port.objects.filter(network_id=number(network_id), host=host)
        return rows.filter(addresses__ip_address=address).first()
