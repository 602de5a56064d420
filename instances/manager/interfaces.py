"""The network cards of servers: given, taken away, shown."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import Max

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest
from cloudweb.identifiers import as_uuid
from cloudweb.policy import policy
from compute.manager import HostManager
from instances.actions.interfaces import ATTACH_INTERFACE, DETACH_INTERFACE
from instances.block_devices import DiskStatus
from instances.build_request import NetworkRequest
from instances.exceptions import (
    InterfaceNotAttached,
    InterfaceOnItsWay,
    InterfacesStayWhileItRuns,
    NetworkAmbiguous,
    NetworkOutOfReach,
    PortNotUsable,
)
from instances.manager.acting import InstanceActs
from instances.manager.networks import unasked_networks
from instances.models import Instance, InstancePort
from instances.operations import AttachInterface, DetachInterface
from instances.operations.ports import port_for
from instances.states import VmState
from network.exceptions.ports import PortInUse
from network.manager import PortManager
from network.rows import PortCard

RUNS = (VmState.ACTIVE, VmState.PAUSED)


class InstanceInterfaces(InstanceActs):
    """Attach, detach, and what is known of both.

    A port is bound before the server's row is taken: who deletes a port locks the two in this order.
    """

    @policy("compute:servers:get")
    def interface(self, instance_id: str, port_id: str) -> tuple[PortCard, str]:
        """Return the port of one card and the card's tag; raise InstanceNotFound, InterfaceNotAttached."""
        row = self._interface(self.get(instance_id), port_id)
        cards = PortManager(self.context).cards([str(row.port_id)])
        if str(row.port_id) not in cards:
            raise InterfaceNotAttached(instance_id, port_id)
        return cards[str(row.port_id)], row.tag

    @policy(ATTACH_INTERFACE.policy)
    def attach_interface(self, instance_id: str, wanted: NetworkRequest) -> PortCard:
        """Make a port for a server, or bind the one its user brings, and start giving it to the guest.

        Raises PortNotFound, NetworkNotFound, PortInUse (409), PortNotUsable and NetworkOutOfReach (400),
        what is wrong with an address, and QuotaExceeded.
        """
        instance = self._open_to(instance_id, ATTACH_INTERFACE)
        self._check_interfaces_pluggable(instance)
        row = InstancePort(
            instance=instance,
            tag=wanted.tag or "",
            fixed_ip=wanted.fixed_ip or "",
            by_admin=self.context.is_admin,
            status=DiskStatus.ATTACHING,
        )
        if wanted.port_id is not None:
            port = PortManager(self.context).get(wanted.port_id)
            if port.project_id != instance.project_id:
                raise PortNotUsable(port.id)
            if port.device_id:
                raise PortInUse(port.id)
            row.requested_port_id, row.network_id = port.id, port.network_id
        else:
            fixed_ips = [{"ip_address": wanted.fixed_ip}] if wanted.fixed_ip else None
            chosen = wanted.network_id or self._unasked()
            row.network_id = PortManager(self.context).check_network(chosen, fixed_ips=fixed_ips).id
        with transaction.atomic():
            self._bind(instance, row)
            key = self._take(instance_id, ATTACH_INTERFACE, task_state=ATTACH_INTERFACE.task_state)
            last = InstancePort.objects.filter(instance_id=key).aggregate(Max("position"))
            row.position = (-1 if last["position__max"] is None else last["position__max"]) + 1
            row.save()
            args = {"port": str(row.port_id)}
            AttachInterface.start(self.context, resource_id=str(key), args=args)
        return PortManager(self.context).cards([args["port"]])[args["port"]]

    @policy(DETACH_INTERFACE.policy)
    def detach_interface(self, instance_id: str, port_id: str) -> None:
        """Start taking a card from a server, whatever became of its host.

        Raises InterfaceNotAttached, and InterfaceOnItsWay (409) where it comes or goes already.
        """
        with transaction.atomic():
            instance = self.get(instance_id)
            self._take(instance_id, DETACH_INTERFACE, task_state=DETACH_INTERFACE.task_state)
            row = self._interface(instance, port_id)
            rows = InstancePort.objects.filter(pk=row.pk, status=DiskStatus.ATTACHED)
            if not rows.update(status=DiskStatus.DETACHING):
                raise InterfaceOnItsWay(port_id)
            args = {"port": str(row.port_id)}
            DetachInterface.start(self.context, resource_id=str(instance.id), args=args)

    def _bind(self, instance: Instance, row: InstancePort) -> None:
        """Let the port be the server's, on its host."""
        system = RequestContext.system(request_id=self.context.request_id)
        hosts = PortManager(system).hosts_on([row.network_id])
        if instance.host and hosts is not None and instance.host not in hosts:
            raise NetworkOutOfReach(row.network_id)
        row.port_id = port_for(system, row, instance, group_ids=None).id

    def _unasked(self) -> uuid.UUID:
        found = unasked_networks(self.context)
        if not found:
            project = self.context.project_id
            raise BadRequest(
                f"No specific network was requested and none are available for project '{project}'."
            )
        if len(found) > 1:
            raise BadRequest(NetworkAmbiguous.default_message)
        return found[0].id

    def _interface(self, instance: Instance, port_id: str) -> InstancePort:
        key = as_uuid(port_id)
        rows = InstancePort.objects.filter(instance_id=instance.id, port_id=key)
        found = rows.first() if key else None
        if found is None:
            raise InterfaceNotAttached(instance.id, port_id)
        return found

    def _check_interfaces_pluggable(self, instance: Instance) -> None:
        """Raise where the server runs on a hypervisor that gives cards only to those that do not."""
        if instance.vm_state not in RUNS or not instance.host:
            return
        if not HostManager(self.context).is_able(instance.host, "interface_hot_plug"):
            raise InterfacesStayWhileItRuns(instance.id)
