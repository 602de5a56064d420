"""Steps about one card of a server that is there: wired, plugged into its guest, and back."""

from __future__ import annotations

from cloudweb.rpc import Order
from compute.objects import AttachInterfaceRequest, DetachInterfaceRequest, GuestInterface
from compute.rpc import ATTACH_INTERFACE, DETACH_INTERFACE
from instances.block_devices import DiskStatus
from instances.conf import INTERFACE_DETACH_TIMEOUT
from instances.models import InstancePort
from instances.operations.devices import rest
from instances.operations.ports import let_go, ports_plugged, unplug_orders
from instances.operations.rows import PORTS, instance_of, ports_of
from network.manager import PortManager
from network.objects import tap_name
from network.rpc import PLUG
from operations.saga import Failure, Run, Saga, Step, StepFailed


def _find_card(run: Run) -> InstancePort | None:
    key = run.args["port"]
    return next((row for row in ports_of(run) if str(row.port_id) == key), None)


def _check_card(run: Run) -> str:
    """Return the id of the port; raise StepFailed where its user deleted it meanwhile."""
    if _find_card(run) is None:
        raise StepFailed("The port is no longer the server's.")
    return str(run.args["port"])


def wire(run: Run) -> Order:
    """Order the port onto the server's host, filters first."""
    port_id = _check_card(run)
    wiring = PortManager(run.context).wiring(port_id)
    return PLUG.order(host=instance_of(run).host, resource_id=port_id, payload=wiring)


def unwire(run: Run) -> list[Order]:
    """Order the port off the host."""
    return unplug_orders(run, [run.args["port"]])


def plug(run: Run) -> Order:
    """Order the card into the guest."""
    instance, port_id = instance_of(run), _check_card(run)
    there = PortManager(run.context).plugs([port_id])
    if not there:
        raise StepFailed("The port is gone.")
    found = there[0]
    card = GuestInterface(port_id=found.id, mac=found.mac, tap=found.tap, mtu=found.mtu)
    request = AttachInterfaceRequest(
        id=str(instance.id), name=instance.hypervisor_name, interface=card
    )
    return ATTACH_INTERFACE.order(host=instance.host, resource_id=request.id, payload=request)


def plug_again(run: Run) -> Order | None:
    """Order the card into the guest that was to lose it; nothing where the port is gone."""
    return plug(run) if _find_card(run) is not None else None


def unplug(run: Run) -> Order | None:
    """Order the card out of the guest, also that of a port that is gone."""
    instance, port_id = instance_of(run), run.args["port"]
    if not instance.host:
        return None
    request = DetachInterfaceRequest(
        id=str(instance.id),
        name=instance.hypervisor_name,
        port_id=port_id,
        tap=tap_name(port_id),
        timeout=INTERFACE_DETACH_TIMEOUT,
    )
    return DETACH_INTERFACE.order(host=instance.host, resource_id=request.id, payload=request)


def _settle(run: Run, status: DiskStatus | None) -> None:
    """Write how far the card is in the server; with None let go of its port and drop the row."""
    row = _find_card(run)
    if row is not None and status is not None:
        InstancePort.objects.filter(pk=row.pk).update(status=status)
    elif row is not None:
        InstancePort.objects.filter(pk=row.pk).delete()
        let_go(run, row)
    run.memory.pop(PORTS, None)
    rest(run)


class AttachInterface(Saga):
    """Give a server one more card: ``args["port"]`` is its port. Several wait for each other."""

    kind = "instances.attach_interface"
    resource_type = "instance"
    coalesce = True
    steps = (
        Step("wire", wire, undo=unwire, done=ports_plugged),
        Step("plug", plug, undo=unplug),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The server has it."""
        _settle(run, DiskStatus.ATTACHED)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A port that was made for it is gone, one that its user brought is free again."""
        _settle(run, None)


class DetachInterface(Saga):
    """Take a card from a server: from its guest, then from its host. Whatever died, it comes true.

    A host that is down owes its part. Only a guest that runs and keeps the card is an obstacle.
    """

    kind = "instances.detach_interface"
    resource_type = "instance"
    coalesce = True
    steps = (
        Step("unplug", unplug, undo=plug_again, owes=True, pivot=True),
        Step("unwire", unwire, owes=True, max_failures=10),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """A port that was made for the server is gone, one that its user brought is free again."""
        _settle(run, None)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The guest kept it: all is as it was."""
        _settle(run, DiskStatus.ATTACHED)
