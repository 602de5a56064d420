"""Delete a server: everything of it absent, on a dead host by a debt."""

from __future__ import annotations

from cloudweb.database.clock import now
from cloudweb.rpc import Order
from compute.scheduler import release
from instances.models import BlockDevice, Migration
from instances.operations import live_connections, ports, volumes
from instances.operations.create import destroy_guest
from instances.operations.create_image import forget_image
from instances.operations.migration_rows import ROW, end_live
from instances.operations.resize import destroy_at
from instances.operations.rows import fault, instance_of, write
from instances.states import PowerState, VmState
from operations.saga import Failure, Run, Saga, Step


def take_off(run: Run) -> list[Order]:
    """Order its ports off the host, and nobody to write to its volumes through it any more."""
    return [*ports.unplug_ports(run), *volumes.cut_off_orders(run)]


def let_go(run: Run) -> None:
    """Let go of ports and volumes."""
    ports.delete_ports(run)
    volumes.let_go(run)


def destroy_elsewhere(run: Run) -> list[Order]:
    """Order the guest off the other host that a resize or a live migration left it on, too."""
    instance, row = instance_of(run), _undecided(run)
    if row is None:
        return []
    run.memory[ROW] = row
    hosts = {row.source_host, row.dest_host} - {instance.host, ""}
    left = live_connections.leave_other(run) if row.plan else []
    return [*(destroy_at(run, host) for host in hosts), *left]


def _undecided(run: Run) -> Migration | None:
    if instance_of(run).vm_state not in (VmState.RESIZED, VmState.ERROR):
        return None  # what pre-empts a resize comes after it was undone
    return Migration.objects.live().filter(instance_id=run.resource_id).first()


class DeleteInstance(Saga):
    """Make the guest, its ports and its place absent; what cannot be undone, cannot fail either.

    Its orders are absent-ensures, so a host that is down owes them and the server is gone for its
    tenant at once.
    """

    kind = "instances.delete"
    resource_type = "instance"
    steps = (
        Step("destroy", destroy_guest, owes=True, max_failures=10),
        Step("unplug_ports", take_off, owes=True, max_failures=10),
        Step("delete_ports", let_go),
        Step("release_claim", lambda run: release(run.resource_id)),
        Step("destroy_elsewhere", destroy_elsewhere, owes=True, max_failures=10),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The server is gone, with the volumes that go with it; its row stays for the action log."""
        volumes.delete_with_server(run)
        BlockDevice.objects.filter(instance_id=run.resource_id).delete()
        row = _undecided(run)
        if row is not None:
            run.memory[ROW] = row
            live_connections.let_go(run)
            release(str(row.uuid))
            end_live(row)
        shelved = instance_of(run).shelved_image_id
        write(
            run,
            vm_state=VmState.DELETED,
            task_state=None,
            power_state=PowerState.NOSTATE,
            terminated_at=now(),
            user_data="",
            injected_files="",
            admin_password="",
            rescue_image_id="",
            rescue_password="",
            posted_password="",
            before_rebuild="",
            shelved_image_id="",
        )
        forget_image(run, shelved)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A host refused for good: the server stays, in ERROR, and may be deleted again."""
        if failure is not None:
            write(run, vm_state=VmState.ERROR, task_state=None, **fault(failure))
