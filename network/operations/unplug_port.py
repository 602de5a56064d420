"""Take a port off its host that its user deleted while a server had it."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from cloudweb.events import on
from cloudweb.rpc import Order
from network import events
from network.objects import PortRef
from network.rpc import UNPLUG
from operations.saga import Run, Saga, Step


def order_unplug(run: Run) -> Order:
    """Order the port away; its row is gone, so the arguments name it."""
    ref = PortRef(id=run.resource_id, network_id=run.args["network_id"], tap=run.args["tap"])
    return UNPLUG.order(host=run.args["host"], resource_id=ref.id, payload=ref)


class UnplugPort(Saga):
    """Make a deleted port absent on its host; a host that is down owes it."""

    kind = "network.unplug_port"
    resource_type = "port"
    steps = (Step("unplug", order_unplug, owes=True, max_failures=10),)


@on(events.PORT_DELETED)
def start_unplugging(*, ref: PortRef, host: str, plugged: bool, **_more: Any) -> None:
    """Start in the transaction that deletes; a server that goes unplugs its ports before."""
    if host and plugged:
        args = {"network_id": ref.network_id, "tap": ref.tap, "host": host}
        UnplugPort.start(RequestContext.system(), resource_id=ref.id, args=args)
