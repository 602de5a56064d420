"""What the page of a server offers of floating IPs: where one may lead, and which there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from dashboard.components.networks import OFFERED, Choices, outside_of
from dashboard.components.servers import Row
from network.manager import FloatingIpManager
from network.rows import FixedIp, PortCard

NEW = "new:"


@dataclass(frozen=True, slots=True)
class FloatingOffer:
    """``targets`` are addresses of the server, as "port address"; ``sources`` free floating IPs and new ones."""

    targets: Choices
    sources: Choices

    @property
    def only(self) -> str:
        """Return the source where there is nothing to choose."""
        return self.sources[0][0] if len(self.sources) == len(self.targets) == 1 else ""


def floating_offer(context: RequestContext, row: Row) -> FloatingOffer | None:
    """Return what may be led to a server; None where nothing can or need be."""
    targets = [
        (f"{card.id} {fixed.ip_address}", f"{fixed.ip_address} on {card.network_name}")
        for card in row.cards
        for fixed in _unled(card)
    ]
    if not targets:
        return None
    free = Q(project_id=context.project_id, fixed_port=None, router=None)
    found = FloatingIpManager(context).list(Listing(where=free, limit=OFFERED)).rows
    sources = [(str(one.id), f"{one.floating_ip_address} (free)") for one in found]
    sources += [(NEW + key, f"A new address of {name}") for key, name in outside_of(context)]
    return FloatingOffer(targets, sources) if sources else None


def _unled(card: PortCard) -> Sequence[FixedIp]:
    """Return the addresses that cannot be reached from outside, and that nothing leads to."""
    if card.is_reachable:
        return []
    return [
        one for one in card.addresses if ":" not in one.ip_address and not card.floating_of(one)
    ]
