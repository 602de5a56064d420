"""Rows of servers: a server with what a page shows of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudweb.context import RequestContext
from cloudweb.policy import allows
from dashboard.components.actions import ServerButton, buttons
from dashboard.components.status import Badge, is_busy, server_badge
from instances.manager import ports_of
from instances.timeline import TimelineManager

if TYPE_CHECKING:
    from instances.models import Instance
    from network.rows import PortCard
    from operations.history import Entry

#: So many servers in motion are shown with their steps on one page.
WATCHED = 4


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a server and the network it is on; ``port_id`` is said of a card's first alone."""

    ip: str
    network: str
    mac: str
    version: int
    reachable: bool
    floating_id: str = ""
    port_id: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A server with its badge, addresses and buttons."""

    instance: Instance
    badge: Badge
    busy: bool
    addresses: Sequence[Address]
    buttons: Sequence[ServerButton]
    cards: Sequence[PortCard] = ()

    @property
    def has_more(self) -> bool:
        """Tell whether some buttons stand in a menu."""
        return any(one.face.seldom for one in self.buttons)


@dataclass(frozen=True, slots=True)
class Activity:
    """A server in motion and the operation that moves it."""

    row: Row
    entry: Entry


def rows_of(context: RequestContext, instances: Sequence[Instance]) -> Sequence[Row]:
    """Return the rows; all their addresses cost four queries."""
    ports = ports_of(context, instances)
    found = []
    for instance in instances:
        own = ports[str(instance.id)]
        addresses = [one for port in own for one in _addresses(port)]
        found.append(
            Row(
                instance,
                server_badge(instance),
                is_busy(instance),
                addresses,
                buttons(context, instance),
                own,
            )
        )
    return found


def _addresses(port: PortCard) -> Iterator[Address]:
    """Yield the addresses of a card, each with the floating IPs that lead to it from outside."""
    for place, fixed in enumerate(port.addresses):
        version = 6 if ":" in fixed.ip_address else 4
        name, mac = port.network_name, port.mac_address
        first = "" if place else port.id
        yield Address(fixed.ip_address, name, mac, version, port.is_reachable, port_id=first)
        for one in port.floating_of(fixed):
            yield Address(
                one.floating_ip_address, one.network_name, mac, version, True, floating_id=one.id
            )


def activity_of(context: RequestContext, instances: Sequence[Instance]) -> Sequence[Activity]:
    """Return the live operations of the first servers that are in motion."""
    if not allows(context, "compute:servers:actions"):
        return []
    moving = [instance for instance in instances if is_busy(instance)][:WATCHED]
    timeline = TimelineManager(context)
    found = []
    for instance in moving:
        row = Row(instance, server_badge(instance), True, (), ())
        log = timeline.list(str(instance.id), limit=2)
        live = [one.entry for one in log.rows if one.entry.is_live]
        found += [Activity(row, entry) for entry in live[:1]]
    return found
