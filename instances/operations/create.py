"""Create a server: claim a host, give the guest its ports, boot it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from cloudweb.database.clock import now
from cloudweb.driver import DiskFull
from cloudweb.rpc import Order
from compute.exceptions import NoValidHost
from compute.rpc import DESTROY, SPAWN
from compute.scheduler import (
    Place,
    PlacementRequest,
    claim,
    note_failed_build,
    release,
)
from instances.models import Instance
from instances.operations import ports
from instances.operations.guest import guest_ref, guest_spec
from instances.operations.rows import fault, flavor_of, instance_of, ports_of, write
from instances.placement import request_for
from instances.states import PowerState, TaskState, VmState
from operations.saga import Failure, HostDown, Run, Saga, Step

#: So long after its start a create asks a host again whose disk was full, where no other is left.
FULL_FOR = timedelta(minutes=2)


def claim_host(run: Run) -> Mapping[str, Any]:
    """Hold a place on a host that fits; raise NoValidHost, which says what would fit."""
    instance = instance_of(run)
    return claim_place(run, zone=instance.wanted_zone, host=instance.wanted_host)


def claim_place(run: Run, *, zone: str | None, host: str | None) -> Mapping[str, Any]:
    """Hold a place in this zone, on this host, where it is said."""
    instance = instance_of(run)
    request = replace(
        placement_of(run, flavor_of(instance)),
        zone=zone or None,
        host=host or None,
        excluded_hosts=tuple(run.excluded_hosts),
    )
    failed = run.failed_before
    if failed is not None and failed.code != HostDown.code and run.excluded_hosts:
        note_failed_build(run.excluded_hosts[-1])
    try:
        place = _claimed(run, instance, request)
    except NoValidHost as error:
        failure = run.failed_before
        if failure is None:
            raise
        if failure.code != DiskFull.code or _is_late(run):
            told = f"{error.message} What failed last: {failure.public}"
            raise type(error)(told, detail=error.detail) from error
        place = _claimed(run, instance, replace(request, excluded_hosts=()))
    write(
        run,
        host=place.host,
        zone=place.zone,
        cells=place.cells,
        task_state=TaskState.NETWORKING,
    )
    return {"host": place.host, "weights": [list(one) for one in place.weights]}


def placement_of(run: Run, size: Mapping[str, Any]) -> PlacementRequest:
    """Return what the server asks of any place where it is of this size (``rows.flavor_of``)."""
    return request_for(run.context, instance_of(run), ports_of(run), size)


def _claimed(run: Run, instance: Instance, request: PlacementRequest) -> Place:
    return claim(
        run.context,
        instance_id=str(instance.id),
        project_id=instance.project_id,
        request=request,
    )


def _is_late(run: Run) -> bool:
    return now() > run.operation.created_at + FULL_FOR


def release_claim(run: Run) -> None:
    """Give the place back."""
    release(run.resource_id)
    write(run, host="", zone="", cells=None)


def spawn_guest(run: Run) -> Order:
    """Order the guest."""
    instance = instance_of(run)
    spec = guest_spec(run)
    return SPAWN.order(host=instance.host, resource_id=str(instance.id), payload=spec)


def destroy_guest(run: Run) -> Order | None:
    """Order the guest and all of it away; nothing where it never had a host."""
    instance = instance_of(run)
    if not instance.host:
        return None
    return DESTROY.order(
        host=instance.host, resource_id=str(instance.id), payload=guest_ref(instance)
    )


class CreateInstance(Saga):
    """Claim a host, give the guest its ports, boot it; on another host where one failed it."""

    kind = "instances.create"
    resource_type = "instance"
    retry_from = "claim_host"
    steps: ClassVar[Sequence[Step]] = (
        Step("claim_host", claim_host, undo=release_claim),
        Step("create_ports", ports.create_ports, undo=ports.undo_ports),
        Step("plug_ports", ports.plug_ports, undo=ports.unplug_ports, done=ports.ports_plugged),
        Step("spawn", spawn_guest, undo=destroy_guest),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The server is ACTIVE."""
        write(
            run,
            vm_state=VmState.ACTIVE,
            task_state=None,
            power_state=PowerState.RUNNING,
            launched_at=now(),
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A failed build is ERROR with its reason; a pre-empted one is being deleted."""
        if failure is None:
            return
        write(run, vm_state=VmState.ERROR, task_state=None, **fault(failure))

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """The clean-up of a failed build needs an operator; the tenant sees an error."""
        write(run, vm_state=VmState.ERROR, task_state=None, **fault(failure))
