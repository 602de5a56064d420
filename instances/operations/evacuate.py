"""Build a server again on another host, for its own is dead; volumes and addresses go with it.

Its own disks are made anew from its image: what was on them is where nobody can read it. Whatever its old
host has of it, that host owes to stop first of all, and to remove once the server runs elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from cloudweb.database.clock import now
from cloudweb.rpc import Order
from compute.manager import HostFailureManager
from compute.scheduler import claim, hand_over
from instances.migration_states import MigrationStatus
from instances.models import Instance
from instances.operations import ports, power, volumes
from instances.operations.create import destroy_guest, placement_of, spawn_guest
from instances.operations.delete import take_off
from instances.operations.migration_rows import become_new, become_old, migration_of, note
from instances.operations.resize import destroy_at, release_claim
from instances.operations.resize import power_off as halt
from instances.operations.rows import NO_FAULT, fault, instance_of, write
from instances.states import PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step, StepFailed

EVACUATING = (TaskState.REBUILDING, TaskState.REBUILD_SPAWNING)


def claim_host(run: Run) -> Mapping[str, Any]:
    """Hold a place on another host; raise NoValidHost, and StepFailed where the old one came back."""
    _check_dead(run)
    instance, row = instance_of(run), migration_of(run)
    request = replace(
        placement_of(run, row.new),
        host=row.wanted_host or None,
        excluded_hosts=(row.source_host, *run.excluded_hosts),
        instead_of=str(instance.id) if instance.server_group_id else "",
    )
    place = claim(
        run.context, instance_id=str(row.uuid), project_id=instance.project_id, request=request
    )
    new = {**row.new, "cells": place.cells}
    note(run, dest_host=place.host, dest_zone=place.zone, new=new)
    return {"host": place.host}


def _check_dead(run: Run) -> None:
    source = migration_of(run).source_host
    if HostFailureManager(run.context).proof(source) is None:
        raise StepFailed("The server's host came back: nothing was moved.")


def leave_source(run: Run) -> list[Order]:
    """Order the guest to be off and its ports away, where it was: a dead host owes that."""
    return [halt(run, timeout=0), *ports.unplug_ports(run)]


def stays_there(run: Run) -> list[Order]:
    """It is where it was, and off there for certain; its volumes are nobody's for now."""
    volumes.stay(run)
    _rests(run)
    return leave_source(run)


def _rests(run: Run) -> None:
    """Let the server's row say what it is on its dead host; it may have been stuck meanwhile."""
    was = migration_of(run).vm_state
    values = {} if was == VmState.ERROR else NO_FAULT
    state = VmState.STOPPED if was == VmState.ACTIVE else was
    write(run, vm_state=state, power_state=PowerState.SHUTDOWN, **values)


def switch(run: Run) -> None:
    """From here on the server is where it shall be."""
    _check_dead(run)
    become_new(run)
    write(run, task_state=TaskState.REBUILD_SPAWNING, milestones={}, posted_password="")


def connect(run: Run) -> list[Order]:
    """Order ports and volumes to the new host; the volumes' new epoch shuts the old one out."""
    orders, source = power.connect(run), migration_of(run).source_host
    if any(order.host == source for order in orders):
        raise StepFailed("A volume of the server lies on the host that is dead.")
    return orders


def _is_to_be_off(run: Run) -> bool:
    stays_off: bool = run.args.get("stays_off", False)
    return stays_off or migration_of(run).vm_state == VmState.STOPPED


def stop_again(run: Run) -> Order | list[Order]:
    """Stop a server again that was stopped, or is to be."""
    return halt(run, timeout=0) if _is_to_be_off(run) else []


def forget_source(run: Run) -> Order:
    """Order away what the old host has of it."""
    return destroy_at(run, migration_of(run).source_host)


class EvacuateInstance(Saga):
    """Let a server be on another host than its dead one; ``args["migration"]`` is its row,
    ``args["stays_off"]`` whether it is off there though it ran."""

    kind = "instances.evacuate"
    resource_type = "instance"
    deadline: ClassVar[timedelta] = timedelta(hours=2)
    retry_from = "claim_host"
    steps: ClassVar[Sequence[Step]] = (
        Step("claim_host", claim_host, undo=release_claim),
        Step("leave_source", leave_source, undo=stays_there, owes=True, max_failures=10),
        Step("switch", switch, undo=become_old),
        Step("plug_ports", connect, undo=take_off, done=power.connected),
        Step("spawn", spawn_guest, undo=destroy_guest, pivot=True),
        Step("stop_again", stop_again, max_failures=10),
        Step("forget_source", forget_source, owes=True, max_failures=10),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE, or stopped; the source has still to hear of it."""
        row = migration_of(run)
        hand_over(holder=str(row.uuid), instance_id=run.resource_id)
        volumes.in_the_server(run)
        note(run, status=MigrationStatus.DONE)
        stopped = _is_to_be_off(run)
        write(
            run,
            vm_state=VmState.STOPPED if stopped else VmState.ACTIVE,
            power_state=PowerState.SHUTDOWN if stopped else PowerState.RUNNING,
            task_state=None,
            launched_at=now(),
            **NO_FAULT,
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is on its dead host still."""
        said = failure.public if failure else "Something else was done to the server."
        note(run, status=MigrationStatus.ERROR, error=said)
        if instance_of(run).vm_state == VmState.ERROR:
            _rests(run)
        rows = Instance.objects.filter(id=run.resource_id, task_state__in=EVACUATING)
        rows.update(task_state=None, updated_at=now())

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """It could not be taken back: an operator is needed, and the tenant sees why."""
        write(run, vm_state=VmState.ERROR, **fault(failure))
