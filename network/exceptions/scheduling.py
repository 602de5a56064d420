"""What goes wrong with who serves what. Clients of the network API see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import Conflict


class InvalidL3Agent(Conflict):
    """The agent's host cannot have the router."""

    code = "invalid_l3_agent"

    def __init__(self, agent_id: object, *, reason: str) -> None:
        super().__init__(f"Agent {agent_id} cannot have the router: {reason}.")


class RouterNotHostedByL3Agent(Conflict):
    """The router is on another host, or on none."""

    code = "router_not_hosted_by_l3_agent"

    def __init__(self, router_id: object, *, agent_id: object) -> None:
        super().__init__(f"The router {router_id} is not hosted by L3 agent {agent_id}.")


class RouterReschedulingFailed(Conflict):
    """No other host can have the router."""

    code = "router_rescheduling_failed"

    def __init__(self, router_id: object) -> None:
        super().__init__(f"Failed rescheduling router {router_id}: no eligible L3 agent found.")


class DhcpFollowsPorts(Conflict):
    """Who answers DHCP is nobody's to choose: each host that has ports of the network does."""

    code = "dhcp_follows_ports"

    def __init__(self, network_id: object, *, served: bool) -> None:
        has = "has" if served else "has no"
        super().__init__(
            f"DHCP of network {network_id} is answered on each host that has ports of it, and this one "
            f"{has} {'some' if served else 'such port'}."
        )


class RouterMoved(Conflict):
    """Somebody else took the router elsewhere in this moment."""

    code = "router_moved"

    def __init__(self, router_id: object) -> None:
        super().__init__(f"The router {router_id} was taken elsewhere meanwhile; look again.")
