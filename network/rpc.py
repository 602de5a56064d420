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
