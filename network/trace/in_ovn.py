"""What OVN's own database says of a packet's way, beside what hosts see."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import structlog

from cloudweb.exceptions import CloudwebError
from network.objects import PortWiring
from network.trace.matching import within
from network.trace.objects import MEMBERSHIP, ROUTER, PortLook, Sighting

log = structlog.get_logger(__name__)


class Northbound:
    """Asked thing by thing; once it was away it is not asked again."""

    def __init__(self) -> None:
        self._is_away = False

    def port(
        self,
        look: PortLook,
        wiring: PortWiring,
        groups: Collection[UUID],
        members: Mapping[str, Collection[str]],
    ) -> Sighting:
        """Tell what it has of a port; ``members`` are those of the groups that the port's rules name."""
        from network.ovn.observing import Membership, look_at_port  # clouds without OVN need none

        remote = look.source if look.direction == "ingress" else look.destination
        sets = [
            (UUID(group), remote)
            for group, blocks in members.items()
            if within(remote, [block for block in blocks if _is_one(block)])
        ]
        lacking = Sighting(
            kind=MEMBERSHIP, about=look.port_id, passes=None, source="OVN northbound"
        )
        if self._is_away:
            return lacking
        try:
            return look_at_port(look, Membership(groups, wiring.port_security, sets))
        except CloudwebError as error:
            return self._away(lacking, error)

    def router(self, router_id: str) -> Sequence[Sighting]:
        """Tell what it has of a router; nothing while it is away."""
        from network.ovn.observing import look_at_router

        if self._is_away:
            return ()
        try:
            return (look_at_router(router_id),)
        except CloudwebError as error:
            lacking = Sighting(kind=ROUTER, about=router_id, passes=None, source="OVN northbound")
            return (self._away(lacking, error),)

    def _away(self, lacking: Sighting, error: CloudwebError) -> Sighting:
        self._is_away = True
        log.warning("OVN could not be asked", error=error.message)
        return lacking.model_copy(update={"detail": error.message})


def _is_one(block: str) -> bool:
    """Tell whether a block is one address; those alone are in OVN's sets as they are."""
    return block.endswith(("/32", "/128"))
