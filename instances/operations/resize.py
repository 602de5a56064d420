"""Give a server another size, another host, or both; what it was is kept until that is confirmed.

The guest is off from the second step on. Where it stays on its host it goes on with copies of its disks;
where it goes to another one, that copies them. Whatever fails, it is where it was, as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Literal

from cloudweb.rpc import Order
from compute.objects import PowerOffRequest
from compute.resize_objects import DiskChoice, DiskOffer, OfferRequest, ReceiveRequest
from compute.rpc import (
    CHOOSE_DISKS,
    DESTROY,
    OFFER_DISKS,
    POWER_OFF,
    POWER_ON,
    RECEIVE_DISKS,
    RESIZE,
    WITHDRAW_DISKS,
)
from compute.scheduler import claim, release
from instances.conf import STOP_TIMEOUT
from instances.migration_states import MigrationStatus
from instances.models import Instance
from instances.operations import ports, volumes
from instances.operations.create import placement_of
from instances.operations.guest import guest_ref, guest_spec
from instances.operations.migration_rows import (
    NOTHING_BEYOND,
    become_new,
    become_old,
    migration_of,
    note,
    own_disks,
)
from instances.operations.power import connect, connected
from instances.operations.rows import NO_FAULT, fault, instance_of, write
from instances.states import RESIZING, PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step

CAPABILITY = "resize"


def claim_host(run: Run) -> Mapping[str, Any]:
    """Hold a place of the new size, besides the one it has; raise NoValidHost."""
    instance, row = instance_of(run), migration_of(run)
    request = replace(
        placement_of(run, row.new),
        host=row.wanted_host or None,
        capabilities=(CAPABILITY,),
        excluded_hosts=tuple(run.args["not_on"]),
        instead_of=str(instance.id) if instance.server_group_id else "",
    )
    place = claim(
        run.context, instance_id=str(row.uuid), project_id=instance.project_id, request=request
    )
    note(
        run,
        dest_host=place.host,
        dest_zone=place.zone,
        new={**row.new, "cells": place.cells},
        status=MigrationStatus.MIGRATING,
    )
    write(run, task_state=TaskState.RESIZE_MIGRATING)
    return {"host": place.host}


def release_claim(run: Run) -> None:
    """Give the place back."""
    release(str(migration_of(run).uuid))


def power_off(run: Run, *, timeout: int = STOP_TIMEOUT) -> Order:
    """Ask the guest to shut down, then pull the plug; one that is off stays so."""
    instance = instance_of(run)
    ref = guest_ref(instance)
    request = PowerOffRequest(id=ref.id, name=ref.name, timeout=timeout)
    return POWER_OFF.order(host=instance.host, resource_id=ref.id, payload=request)


def power_on(run: Run) -> Order | None:
    """Start the guest where its row says it is, if it ran before."""
    if migration_of(run).vm_state != VmState.ACTIVE:
        return None
    spec = guest_spec(run, has_disks=True)
    return POWER_ON.order(host=instance_of(run).host, resource_id=spec.id, payload=spec)


def choose(run: Run, use: Literal["old", "new"], *, forget: bool = False) -> Order:
    """Order a guest that stays on its host to have its old disks, or the new ones."""
    ref = guest_ref(instance_of(run))
    choice = DiskChoice(id=ref.id, name=ref.name, disks=own_disks(run), use=use, forget=forget)
    host = migration_of(run).source_host
    return CHOOSE_DISKS.order(host=host, resource_id=ref.id, payload=choice)


def destroy_at(run: Run, host: str) -> Order:
    """Order everything of the guest off a host that shall not have it."""
    ref = guest_ref(instance_of(run))
    return DESTROY.order(host=host, resource_id=ref.id, payload=ref)


def offer_disks(run: Run) -> Order | None:
    """Let the new host read the disks; nothing where it stays, or has none of its own."""
    row, disks, ref = migration_of(run), own_disks(run), guest_ref(instance_of(run))
    write(run, task_state=TaskState.RESIZE_MIGRATED)
    if row.stays or not disks:
        return None
    request = OfferRequest(id=ref.id, name=ref.name, disks=disks, to_host=row.dest_host)
    return OFFER_DISKS.order(host=row.source_host, resource_id=ref.id, payload=request)


def keep_offer(run: Run, answers: list[Any]) -> None:
    """Note where the disks can be read."""
    (answer,) = answers
    note(run, offer=DiskOffer.load(answer).dump())


def withdraw_disks(run: Run) -> Order | None:
    """Let nobody read them any more."""
    row, ref = migration_of(run), guest_ref(instance_of(run))
    if row.stays or not own_disks(run):
        return None
    return WITHDRAW_DISKS.order(host=row.source_host, resource_id=ref.id, payload=ref)


def receive_disks(run: Run) -> Order | None:
    """Order copies of the disks: on the new host, or beside the old ones."""
    row, ref = migration_of(run), guest_ref(instance_of(run))
    if row.stays:
        return choose(run, "new")
    offer = DiskOffer.load(row.offer) if row.offer else DiskOffer(id=ref.id)
    request = ReceiveRequest(id=ref.id, name=ref.name, disks=offer.disks)
    return RECEIVE_DISKS.order(host=row.dest_host, resource_id=ref.id, payload=request)


def drop_new(run: Run) -> Order:
    """Order the copies away, and whatever runs from them off first."""
    row = migration_of(run)
    return choose(run, "old", forget=True) if row.stays else destroy_at(run, row.dest_host)


def leave(run: Run) -> list[Order]:
    """Order the ports off the host that the row names, unless the server stays on it."""
    return [] if migration_of(run).stays else ports.unplug_ports(run)


def return_to(run: Run) -> list[Order]:
    """Order ports and volumes back to the host that the row names."""
    return [] if migration_of(run).stays else connect(run)


def switch(run: Run) -> None:
    """From here on the server is what and where it shall be."""
    become_new(run)
    note(run, status=MigrationStatus.POST_MIGRATING)
    write(run, task_state=TaskState.RESIZE_FINISH)


def resize(run: Run) -> Order:
    """Order the guest, which is off, to be of the size that the row says."""
    spec = guest_spec(run, has_disks=True)
    return RESIZE.order(host=instance_of(run).host, resource_id=spec.id, payload=spec)


class ResizeInstance(Saga):
    """Let a server be of another flavor, on a host that has room: ``args["migration"]`` is its row.

    ``args["not_on"]`` are hosts where it may not go.
    """

    kind = "instances.resize"
    resource_type = "instance"
    deadline: ClassVar[timedelta] = timedelta(hours=8)
    steps: ClassVar[Sequence[Step]] = (
        Step("claim_host", claim_host, undo=release_claim),
        Step("power_off", power_off, undo=power_on),
        Step("offer_disks", offer_disks, undo=withdraw_disks, done=keep_offer),
        Step("receive_disks", receive_disks, undo=drop_new),
        Step("withdraw_disks", withdraw_disks, owes=True, max_failures=10),
        Step("unplug_ports", leave, undo=return_to, undone=connected),
        Step("switch", switch, undo=become_old),
        Step("plug_ports", connect, undo=leave, done=connected),
        Step("resize", resize, undo=drop_new),
        Step("power_on", power_on),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """RESIZED: it waits to be confirmed or reverted."""
        volumes.in_the_server(run)
        note(run, status=MigrationStatus.FINISHED, offer={})
        write(run, vm_state=VmState.RESIZED, task_state=None, power_state=_power(run))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is what it was, where it was."""
        volumes.in_the_server(run)
        note(
            run,
            status=MigrationStatus.ERROR,
            offer={},
            error=failure.public if failure else "Something else was done to the server.",
        )
        write(run, **NOTHING_BEYOND)
        rows = Instance.objects.filter(id=run.resource_id, task_state__in=RESIZING)
        rests = {"vm_state": migration_of(run).vm_state, "power_state": _power(run)}
        rows.update(task_state=None, **rests, **NO_FAULT)  # it may have been stuck meanwhile

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """It could not be brought back: an operator is needed, and the tenant sees why."""
        write(run, vm_state=VmState.ERROR, **fault(failure))


class MigrateInstance(ResizeInstance):
    """Bring a server to another host as it is; that is decided as a resize is."""

    kind = "instances.migrate"


def _power(run: Run) -> PowerState:
    runs = migration_of(run).vm_state == VmState.ACTIVE
    return PowerState.RUNNING if runs else PowerState.SHUTDOWN
