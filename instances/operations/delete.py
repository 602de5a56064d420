"""Delete a server: everything of it absent, on a dead host by a debt."""

from __future__ import annotations

from cloudweb.database.clock import now
from compute.scheduler import release
from instances.models import BlockDevice
from instances.operations import ports
from instances.operations.create import destroy_guest
from instances.operations.rows import fault, write
from instances.states import PowerState, VmState
from operations.saga import Failure, Run, Saga, Step


class DeleteInstance(Saga):
    """Make the guest, its ports and its place absent; what cannot be undone, cannot fail either.

    Its orders are absent-ensures, so a host that is down owes them and the server is gone for its
    tenant at once.
    """

    kind = "instances.delete"
    resource_type = "instance"
    steps = (
        Step("destroy", destroy_guest, owes=True, max_failures=10),
        Step("unplug_ports", ports.unplug_ports, owes=True, max_failures=10),
        Step("delete_ports", ports.delete_ports),
        Step("release_claim", lambda run: release(run.resource_id)),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The server is gone; its row stays for the action log."""
        BlockDevice.objects.filter(instance_id=run.resource_id).delete()
        write(
            run,
            vm_state=VmState.DELETED,
            task_state=None,
            power_state=PowerState.NOSTATE,
            terminated_at=now(),
            user_data="",
            injected_files="",
            admin_password="",
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A host refused for good: the server stays, in ERROR, and may be deleted again."""
        if failure is not None:
            write(run, vm_state=VmState.ERROR, task_state=None, **fault(failure))
