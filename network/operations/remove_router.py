"""Take a router off a host: it is gone, has no ports any more, or belongs to another host."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid5

from cloudweb.conf import intervals
from cloudweb.context import RequestContext
from cloudweb.rpc import Order
from network.objects import PortRef
from network.routers.objects import RouterRef
from network.rpc import DELETE_ROUTER
from operations.saga import Failure, Run, Saga, Step


def order_removal(run: Run) -> Order:
    """Order the router away; its rows may be gone, so the arguments name it and its ports."""
    ports = tuple(PortRef(**port) for port in run.args["ports"])
    ref = RouterRef(id=run.args["router_id"], revision=run.args["revision"], ports=ports)
    return DELETE_ROUTER.order(host=run.args["host"], resource_id=ref.id, payload=ref)


class RemoveRouter(Saga):
    """Make a router absent on a host; a host that is down owes it, one that cannot is asked again."""

    kind = "network.remove_router"
    resource_type = "router_on_host"
    coalesce = True
    steps = (Step("remove", order_removal, owes=True, max_failures=10),)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Try again later: nobody else would."""
        later = timedelta(seconds=intervals().undo_retry)
        cls.start(run.context, resource_id=run.resource_id, args=run.args, delay=later)


def start_removing(ref: RouterRef, *, host: str) -> None:
    """Start in the transaction that takes the router from the host."""
    args = {
        "router_id": ref.id,
        "revision": ref.revision,
        "host": host,
        "ports": [port.model_dump() for port in ref.ports],
    }
    of_both = str(uuid5(UUID(ref.id), host))
    RemoveRouter.start(RequestContext.system(), resource_id=of_both, args=args)
