"""Bring a server to another host while it runs; whatever is killed, it is on exactly one of the two.

Until the new host said that it has the guest all of it can be taken back. What is taken back asks first: a
guest that came over all the same stays there, and the undos then do what the steps after the pivot do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from cloudweb.rpc import Order
from compute.exceptions import NoValidHost
from compute.live_objects import (
    DestinationCheck,
    DestinationVerdict,
    LiveOffer,
    LiveRequest,
    LiveResult,
    PrepareRequest,
    RunsHere,
    SourceCheck,
    SourceVerdict,
)
from compute.manager import HostFailureManager
from compute.rpc import (
    ABORT_LIVE,
    CHECK_DESTINATION,
    CHECK_SOURCE,
    LIVE_MIGRATE,
    POST_LIVE_MIGRATION,
    POST_LIVE_MIGRATION_AT_DESTINATION,
    PRE_LIVE_MIGRATION,
    RESUME_SOURCE,
    ROLLBACK_LIVE_MIGRATION_AT_DESTINATION,
    WHO_RUNS,
    whole_scope,
)
from compute.scheduler import (
    Place,
    PlacementRequest,
    claim,
    hand_over,
    release,
    with_the_same_pages,
)
from instances import conf
from instances.migration_states import DESTINATION, SOURCE, MigrationStatus
from instances.models import Instance
from instances.operations import ports
from instances.operations.create import placement_of
from instances.operations.guest import guest_ref, guest_spec
from instances.operations.live_connections import (
    connect_there,
    hold,
    in_cells_there,
    leave_other,
    let_go,
    plan,
    share,
    spec_there,
    take_over,
    twins_of,
)
from instances.operations.live_turns import DestinationIsBusy, busy_destinations, next_turn
from instances.operations.migration_rows import become_new, migration_of, note
from instances.operations.resize import destroy_at
from instances.operations.rows import fault, flavor_of, instance_of, no_task, write
from instances.operations.volumes import volumes_exported
from instances.states import POWER_STATES, PowerState, TaskState, VmState
from operations import services
from operations.saga import Failure, Run, Saga, Step, StepFailed
from operations.waiting import begin_now

CAPABILITY = "live_migration"
GIB = 1024**3
#: No migration is waited for longer, however large its guest.
LONGEST = 8 * 3600
#: So long one waits for its turn, and so long it may take from then on.
WITHIN = timedelta(hours=24)
#: A whole guest on the new host; one that is off came, and was shut down there.
CAME = ("running", "paused", "off")
CALLED_OFF = "called_off"


class CalledOff(StepFailed):
    """Somebody does not want it any more."""

    code = CALLED_OFF
    default_message = "It was called off."


def wanted(run: Run) -> None:
    """Raise CalledOff where somebody called it off."""
    if migration_of(run).called_off:
        raise CalledOff


def request_for(run: Run) -> PlacementRequest:
    """Return what the server asks of another host; one that it is forced to is asked for room alone."""
    instance, row = instance_of(run), migration_of(run)
    found = replace(
        placement_of(run, flavor_of(instance)),
        host=row.wanted_host or None,
        capabilities=(CAPABILITY,),
        excluded_hosts=(instance.host,),
        instead_of=str(instance.id) if instance.server_group_id else "",
    )
    found = replace(found, numa=with_the_same_pages(found.numa, instance.cells))
    if not row.plan.get("force"):
        return found
    return replace(
        found, zone=None, group=None, instead_of="", aggregates=(), together_with=(), apart_from=()
    )


def claim_host(run: Run) -> Mapping[str, Any]:
    """Hold a place on another host; raise NoValidHost, or NotYet while others go first."""
    wanted(run)
    row, request = migration_of(run), request_for(run)
    busy = busy_destinations(row)
    try:
        place = _claimed(run, replace(request, excluded_hosts=(*request.excluded_hosts, *busy)))
    except NoValidHost:
        if not busy:
            raise
        _claimed(run, request)  # there is none at all
        raise DestinationIsBusy from None  # which takes that back
    if row.status == MigrationStatus.QUEUED:
        begin_now(run, within=WITHIN)
    note(
        run,
        dest_host=place.host,
        dest_zone=place.zone,
        new={**row.new, "cells": place.cells},
        status=MigrationStatus.PREPARING,
    )
    return {"host": place.host}


def _claimed(run: Run, request: PlacementRequest) -> Place:
    return claim(
        run.context,
        instance_id=str(migration_of(run).uuid),
        project_id=instance_of(run).project_id,
        request=request,
    )


def give_back(run: Run) -> None:
    """Let the server have one place: where it is."""
    row = migration_of(run)
    if row.has_it == DESTINATION:
        hand_over(holder=str(row.uuid), instance_id=run.resource_id)
    else:
        release(str(row.uuid))


def destination_check(run: Run) -> Order:
    """Ask the new host whether it may take the guest."""
    wanted(run)
    row, spec = migration_of(run), in_cells_there(run, guest_spec(run, has_disks=True))
    request = DestinationCheck(spec=spec, source_host=row.source_host)
    return CHECK_DESTINATION.order(host=row.dest_host, resource_id=spec.id, payload=request)


def source_check(run: Run) -> Order:
    """Ask the old one whether the guest can go there; raise StepFailed for what the new one said against it."""
    wanted(run)
    row, spec = migration_of(run), guest_spec(run, has_disks=True)
    there = DestinationVerdict.load(row.plan["destination"])
    _check(there.reasons)
    request = SourceCheck(
        spec=spec,
        dest_host=row.dest_host,
        destination=there,
        block_copy=row.plan.get("block_copy", "auto"),
    )
    return CHECK_SOURCE.order(host=row.source_host, resource_id=spec.id, payload=request)


def _check(reasons: Sequence[str]) -> None:
    if reasons:
        raise StepFailed(" ".join(reasons))


def keep_destination(run: Run, answers: list[Any]) -> None:
    """Note what the new host said."""
    plan(run, destination=DestinationVerdict.load(answers[0]).dump())


def keep_source(run: Run, answers: list[Any]) -> None:
    """Note what the old one said."""
    plan(run, source=SourceVerdict.load(answers[0]).dump())


def verdict_of(run: Run) -> SourceVerdict:
    """Return what the old host said."""
    return SourceVerdict.load(migration_of(run).plan["source"])


def judge(run: Run) -> None:
    """Go on only if nothing speaks against it; from here on the server's connections are double."""
    wanted(run)
    _check(verdict_of(run).reasons)
    hold(run)


def share_volumes(run: Run) -> list[Order]:
    """Order the volumes to be reached by both hosts."""
    wanted(run)
    return share(run)


def connect(run: Run) -> list[Order]:
    """Order ports and volumes to be on the new host before the guest is."""
    wanted(run)
    return connect_there(run)


def prepare(run: Run) -> Order:
    """Order the new host to make ready."""
    wanted(run)
    row, spec = migration_of(run), spec_there(run)
    request = PrepareRequest(spec=spec, source_host=row.source_host, disks=verdict_of(run).disks)
    return PRE_LIVE_MIGRATION.order(host=row.dest_host, resource_id=spec.id, payload=request)


def keep_offer(run: Run, answers: list[Any]) -> None:
    """Note where the new host listens."""
    note(run, offer=LiveOffer.load(answers[0]).dump())


def migrate(run: Run) -> Order:
    """Order the guest over."""
    wanted(run)
    row, spec, said = migration_of(run), spec_there(run), verdict_of(run)
    if row.status != MigrationStatus.RUNNING:
        note(run, status=MigrationStatus.RUNNING)
    copied = sum(disk.used for disk in said.disks if disk.copied)
    gib = -(-(said.memory + copied) // GIB)
    request = LiveRequest(
        spec=spec,
        dest_host=row.dest_host,
        offer=LiveOffer.load(row.offer),
        disks=said.disks,
        deadline=min(LONGEST, conf.LIVE_SECONDS_PER_GIB * max(1, gib)),
        timeout_action="abort" if conf.LIVE_TIMEOUT_ACTION == "abort" else "force_complete",
        post_copy=conf.LIVE_POST_COPY,
        downtime=conf.LIVE_DOWNTIME,
        most_downtime=max(conf.LIVE_DOWNTIME, conf.LIVE_MOST_DOWNTIME),
        steps=conf.LIVE_STEPS,
        step_seconds=conf.LIVE_STEP_SECONDS,
        bandwidth=conf.LIVE_BANDWIDTH * 1024**2,
    )
    return LIVE_MIGRATE.order(host=row.source_host, resource_id=spec.id, payload=request)


def keep_result(run: Run, answers: list[Any]) -> None:
    """Note how it ended."""
    plan(run, result=LiveResult.load(answers[0]).dump())


def ask_there(run: Run) -> Order:
    """Ask the new host how the guest is there; raise StepFailed where the old one said that it stayed."""
    result = LiveResult.load(migration_of(run).plan["result"])
    if result.outcome == "aborted":
        raise (CalledOff if result.reason == "asked" else StepFailed)(result.sentence)
    return _who_runs(run, migration_of(run).dest_host)


def _who_runs(run: Run, host: str) -> Order:
    ref = guest_ref(instance_of(run))
    return WHO_RUNS.order(host=host, resource_id=whole_scope(ref.id, host), payload=ref)


def decide(run: Run) -> None:
    """From here on the server is on its new host, even if its guest died there: what it flushed last is there."""
    _came_as_said(run, run.results["ask_there"])


def _came_as_said(run: Run, answers: Sequence[Any]) -> None:
    """Let it be on its new host in the state that this one said; one that is down said nothing."""
    said = [RunsHere.load(answer) for answer in answers if "debt" not in answer]
    came(run, said[0] if said else RunsHere(id=run.resource_id, state="unknown"))


def came(run: Run, there: RunsHere) -> None:
    """Let all rows say that the guest is on its new host."""
    note(run, has_it=DESTINATION, status=MigrationStatus.POST_MIGRATING)
    become_new(run)
    take_over(run)
    _note_power(run, there)


def _note_power(run: Run, found: RunsHere) -> None:
    if found.state == "unknown":
        return
    word = "shutdown" if found.state in ("off", "absent") else found.state
    power = POWER_STATES.get(word, PowerState.PAUSED)
    write(run, power_state=power)


def finish_there(run: Run) -> list[Order]:
    """Order the new host to keep what came, and to have its ports as theirs; nothing where it stayed."""
    if migration_of(run).has_it != DESTINATION:
        return []
    host, spec = instance_of(run).host, guest_spec(run, has_disks=True)
    arrive = POST_LIVE_MIGRATION_AT_DESTINATION
    return [
        *ports.plug_ports(run),
        arrive.order(host=host, resource_id=spec.id, payload=spec),
    ]


def finished_there(run: Run, answers: list[Any]) -> None:
    """Note which ports are up, and how the guest is; one that is down has had them since before, and owes the rest."""
    if {"debt": True} in answers:
        ports.note_plugged(run)
    ports.ports_plugged(run, answers)
    for answer in answers:
        if isinstance(answer, dict) and answer.get("object") == RunsHere.__name__:
            _note_power(run, RunsHere.load(answer))


def finish_source(run: Run) -> Order | None:
    """Order the old host to lose a guest that went, or to let one go on that stayed.

    Nobody runs a second time: what is held still goes on only when the new host said that it has none.
    One that never began to go was not held still.
    """
    row, ref = migration_of(run), guest_ref(instance_of(run))
    if row.has_it == DESTINATION:
        method = POST_LIVE_MIGRATION
    elif not _began(run):
        return None
    elif row.has_it == SOURCE:
        method = RESUME_SOURCE
    else:
        raise StepFailed("Neither host says that it has the guest.")
    return method.order(host=row.source_host, resource_id=ref.id, payload=ref)


def finished_source(run: Run, answers: list[Any]) -> None:
    """Note how a guest is that stayed."""
    for answer in answers:
        if isinstance(answer, dict) and answer.get("object") == RunsHere.__name__:
            _note_power(run, RunsHere.load(answer))


def abort(run: Run) -> Order:
    """Order the old host to let the guest stay, as far as it still can."""
    ref = guest_ref(instance_of(run))
    return ABORT_LIVE.order(host=migration_of(run).source_host, resource_id=ref.id, payload=ref)


def heard_source(run: Run, answers: list[Any]) -> None:
    """Note what the old host has of it; one that is down said nothing."""
    said = [RunsHere.load(answer) for answer in answers if "debt" not in answer]
    plan(run, source_has=said[0].state if said else "")


def roll_back(run: Run) -> Order:
    """Order the new host to forget the guest; raise StepFailed while nobody knows who has it.

    One that is down owes it if the guest runs on the old host, or never began to go. One that the old host
    sent on its way to the end keeps it, whether it still runs or not, and whether it can be asked or not.
    """
    row, ref = migration_of(run), guest_ref(instance_of(run))
    if _went(run):
        return _who_runs(run, row.dest_host)
    stayed = not _began(run) or row.plan.get("source_has") in ("running", "paused")
    if not stayed and not services.is_up(row.dest_host, "compute"):
        if HostFailureManager(run.context).proof(row.dest_host) is None:
            raise StepFailed("The new host does not answer, and may have the guest.")
        return _part_with(run)
    method = ROLLBACK_LIVE_MIGRATION_AT_DESTINATION
    return method.order(host=row.dest_host, resource_id=ref.id, payload=ref)


def _part_with(run: Run) -> Order:
    """Decide who has a guest whose new host is dead for certain: it may have run there, and does not any more.

    The old host's goes on where nothing that it knows can have changed; what both reach is read by a new boot.
    """
    row = migration_of(run)
    shared = bool(twins_of(run)) or not all(disk.copied for disk in verdict_of(run).disks)
    keeps = shared and row.plan.get("source_has") != "off"
    plan(run, parted=DESTINATION if keeps else SOURCE)
    return _who_runs(run, row.dest_host) if keeps else destroy_at(run, row.dest_host)


def _began(run: Run) -> bool:
    return migration_of(run).status in (MigrationStatus.RUNNING, MigrationStatus.POST_MIGRATING)


def _went(run: Run) -> bool:
    """Tell whether the old host said that the guest went over."""
    said = migration_of(run).plan.get("result")
    return said is not None and LiveResult.load(said).outcome == "completed"


def heard_destination(run: Run, answers: list[Any]) -> None:
    """Decide who has the guest: the new host where it came all the same, else the old one."""
    said = [
        RunsHere.load(answer)
        for answer in answers
        if isinstance(answer, dict) and answer.get("object") == RunsHere.__name__
    ]
    known = migration_of(run).plan
    source_has, parted = known.get("source_has"), known.get("parted")
    if _went(run) or parted == DESTINATION:
        _came_as_said(run, answers)
    elif said and said[0].state in CAME:
        came(run, said[0])
    elif said or not _began(run) or parted or source_has in ("running", "paused"):
        note(run, has_it=SOURCE)


class LiveMigrateInstance(Saga):
    """Bring a server to another host while it runs: ``args["migration"]`` is its row."""

    kind = "instances.live_migrate"
    resource_type = "instance"
    deadline: ClassVar[timedelta] = WITHIN
    steps: ClassVar[Sequence[Step]] = (
        Step("claim_host", claim_host, undo=give_back),
        Step("check_destination", destination_check, done=keep_destination),
        Step(
            "check_source", source_check, done=keep_source, undo=finish_there, undone=finished_there
        ),
        Step("hold_connections", judge, undo=let_go),
        Step("share_volumes", share_volumes),
        Step("connect_there", connect, undo=leave_other, done=volumes_exported),
        Step("stand_by", lambda run: None, undo=finish_source, undone=finished_source),
        Step("prepare", prepare, undo=roll_back, done=keep_offer, undone=heard_destination),
        Step("live_migrate", migrate, undo=abort, done=keep_result, undone=heard_source),
        Step("ask_there", ask_there, owes=True),
        Step("decide", decide, pivot=True),
        Step("finish_there", finish_there, done=finished_there, owes=True),
        Step("finish_source", finish_source, owes=True, max_failures=10),
        Step("leave_other", leave_other, owes=True, max_failures=10),
        Step("let_go", let_go),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is on its new host, as it was."""
        give_back(run)
        note(run, status=MigrationStatus.COMPLETED, offer={}, error="")
        no_task(run, TaskState.MIGRATING)
        next_turn(migration_of(run))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It stayed where it was; or it had gone over all the same, and is there."""
        row = migration_of(run)
        if row.has_it == DESTINATION:
            note(run, status=MigrationStatus.COMPLETED, offer={})
        else:
            off = failure is None or failure.code == CALLED_OFF
            status = MigrationStatus.CANCELLED if off else MigrationStatus.FAILED
            said = failure.public if failure else "Something else was done to the server."
            note(run, status=status, offer={}, error=said)
        Instance.objects.filter(id=run.resource_id, vm_state=VmState.ERROR).update(
            vm_state=row.vm_state
        )  # it may have been stuck meanwhile
        no_task(run, TaskState.MIGRATING)
        next_turn(row)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """Nobody knows yet which host has it: an operator is needed, and the tenant sees why."""
        write(run, vm_state=VmState.ERROR, **fault(failure))
