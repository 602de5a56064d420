"""What a network agent can be ordered: the whole contract, readable alone."""

from __future__ import annotations

from cloudweb.rpc import Method
from network.objects import (
    NetworkConfirmation,
    NetworkPicture,
    PortRef,
    PortStatus,
    PortWiring,
)
from network.routers.objects import RouterConfirmation, RouterRef, RouterWiring
from network.trace.objects import PathQuestion, PathSeen

#: Make the port (with its network, filters first) be on the host as told.
PLUG = Method(
    "network.plug", PortWiring, PortStatus, deadline=60, in_turn=lambda port: port.network.id
)
#: Apply a newer picture to those ports of a network that are there, all at once.
REFRESH = Method(
    "network.refresh",
    NetworkPicture,
    NetworkConfirmation,
    deadline=60,
    in_turn=lambda picture: picture.id,
)
#: Make the port absent; with its last port the network leaves the host.
UNPLUG = Method(
    "network.unplug", PortRef, deadline=60, urgent=True, in_turn=lambda ref: ref.network_id
)
#: Make the router be on the host as told, with exactly its ports.
ENSURE_ROUTER = Method(
    "network.ensure_router",
    RouterWiring,
    RouterConfirmation,
    deadline=60,
    in_turn=lambda router: router.id,
)
#: Make the router absent, with its ports.
DELETE_ROUTER = Method(
    "network.delete_router", RouterRef, deadline=60, urgent=True, in_turn=lambda ref: ref.id
)
#: Say how what a packet passes on the host is found; changes nothing.
OBSERVE = Method("network.observe", PathQuestion, PathSeen, deadline=5, query=True)
