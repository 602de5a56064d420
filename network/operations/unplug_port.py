"""Take a port off its host that its user deleted while a server had it, or that left its trunk."""

from __future__ import annotations

from datetime import timedelta

from cloudweb.conf import intervals
from cloudweb.context import RequestContext
from cloudweb.rpc import Order
from network.models import Port
from network.objects import PortRef
from network.rpc import UNPLUG
from operations.saga import Failure, Run, Saga, Step


def order_unplug(run: Run) -> Order | None:
    """Order the port away; its row is gone, so the arguments name it.

    A subport's row is there: one that was told to be on this host again meanwhile stays.
    """
    if Port.objects.filter(
        id=run.resource_id, host=run.args["host"], ordered_revision__gt=0
    ).exists():
        return None
    ref = PortRef(id=run.resource_id, network_id=run.args["network_id"], tap=run.args["tap"])
    return UNPLUG.order(host=run.args["host"], resource_id=ref.id, payload=ref)


class UnplugPort(Saga):
    """Make a deleted port absent on its host; a host that is down owes it, one that cannot is asked again."""

    kind = "network.unplug_port"
    resource_type = "port"
    coalesce = True
    steps = (Step("unplug", order_unplug, owes=True, max_failures=10),)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Try again later: the row is gone, so nobody else would."""
        later = timedelta(seconds=intervals().undo_retry)
        cls.start(run.context, resource_id=run.resource_id, args=run.args, delay=later)


def start_unplugging(ref: PortRef, *, host: str) -> None:
    """Start in the transaction that deletes; a server that goes unplugs its ports before."""
    args = {"network_id": ref.network_id, "tap": ref.tap, "host": host}
    UnplugPort.start(RequestContext.system(), resource_id=ref.id, args=args)
