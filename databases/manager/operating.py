"""What operators do to instances, and how an instance shows what befell its server or its guest."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest, Conflict, NotFound
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from compute.manager import HostManager
from databases.exceptions import InstanceNotAvailable
from databases.images import image_of
from databases.mailbox.guests import HEARD_WITHIN
from databases.manager.lookup import InstanceLookups
from databases.models import DatabaseInstance
from databases.operations import MigrateDatabase, RebootDatabase, RebuildDatabase, StopDatabase
from databases.states import OperatingStatus, Task
from image.manager import ImageManager
from instances.manager import InstanceManager
from instances.states import VmState
from operations.saga import Saga

#: A guest that says nothing for so long is not known to serve: it says something every 25 seconds.
SILENT_FOR = timedelta(minutes=2)
#: Instances looked at by one query.
ROUND = 500
#: What a server is, and what its database therefore is.
OF_SERVER = {
    VmState.STOPPED: OperatingStatus.SHUTDOWN,
    VmState.PAUSED: OperatingStatus.SHUTDOWN,
    VmState.SUSPENDED: OperatingStatus.SHUTDOWN,
    VmState.ERROR: OperatingStatus.FAILED,
    VmState.DELETED: OperatingStatus.FAILED,
}


class InstanceOperating(InstanceLookups):
    """All raise DatabaseInstanceNotFound, and InstanceNotAvailable (422) where something else is done."""

    @policy("database:instances:operate")
    def stop(self, instance_id: str) -> None:
        """Start stopping the datastore; a restart lets it serve again."""
        self._operate(StopDatabase, instance_id, Task.REBOOT)

    @policy("database:instances:operate")
    def reboot(self, instance_id: str) -> None:
        """Start rebooting the server."""
        self._operate(RebootDatabase, instance_id, Task.REBOOT)

    @policy("database:instances:operate")
    def migrate(self, instance_id: str, *, host: str | None = None) -> None:
        """Start bringing the server to another host; raise BadRequest for one that is none."""
        if host is not None:
            try:
                HostManager(self.context).get(host)
            except NotFound as error:
                raise BadRequest(error.message) from error
        self._operate(MigrateDatabase, instance_id, Task.RESIZE, host=host)

    @policy("database:instances:operate")
    def rebuild(self, instance_id: str, *, image_id: str | None = None) -> None:
        """Start making the server anew from an image, its version's unless one is named; the data stay.

        Also of one that failed. Raises BadRequest for an image that cannot be booted from.
        """
        found = self.get(instance_id)
        image_id = image_id or image_of(found.version)
        try:
            ImageManager(self.context).location(image_id)
        except (NotFound, Conflict) as error:
            raise BadRequest(error.message) from error
        with transaction.atomic():
            if found.fault_at is None:
                self._at_rest(instance_id)
            rows = DatabaseInstance.objects.filter(id=found.id, server_id__isnull=False)
            begun = {"task": Task.BUILD, "fault_at": None, "fault_message": "", "updated_at": now()}
            if not rows.deletable().update(**begun):
                raise InstanceNotAvailable(found.id, self.get(instance_id).status)
            args = {
                "image_id": image_id,
                "failed": found.fault_at is not None,
                "asked_at": now().isoformat(),  # asked again it is another rebuild
            }
            RebuildDatabase.start(self.context, resource_id=str(found.id), args=args, preempt=True)

    def _operate(self, saga: type[Saga], instance_id: str, task: Task, **args: str | None) -> None:
        with transaction.atomic():
            found = self._take(instance_id, task)
            saga.start(self.context, resource_id=str(found.id), args=args)

    @periodic(every=timedelta(seconds=30))
    @policy("database:instances:follow_servers")
    def follow_servers(self) -> None:
        """Say of databases that their server is off, failed or gone, or that their guest is silent."""
        rows = DatabaseInstance.objects.at_rest().filter(server_id__isnull=False).order_by("id")
        after, servers = None, InstanceManager(self.context)
        while True:
            page = rows if after is None else rows.filter(id__gt=after)
            found = list(page.select_related("agent").defer("agent__report")[:ROUND])
            states = servers.vm_states([str(one.server_id) for one in found])
            for one in found:
                self._show(one, states.get(str(one.server_id), VmState.DELETED))
            if len(found) < ROUND:
                return
            after = found[-1].id

    def _show(self, instance: DatabaseInstance, state: str) -> None:
        """Write down what is so, unless the guest has said something since or an action has begun."""
        status = OF_SERVER.get(VmState(state))
        agent = getattr(instance, "agent", None)
        if agent is not None and agent.reported_at is not None:
            age = now() - agent.reported_at
            was_up = instance.operating_status != OperatingStatus.FAILED
            if state == VmState.ERROR and age < HEARD_WITHIN:
                status = None  # something failed about it, yet it runs: its guest knows better
            elif status is None and age > SILENT_FOR and was_up:
                status = OperatingStatus.UNKNOWN
        if status is None or status == instance.operating_status:
            return
        rows = DatabaseInstance.objects.at_rest().filter(
            id=instance.id, reported_at=instance.reported_at
        )
        rows.update(operating_status=status, updated_at=now())
