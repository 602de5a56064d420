"""What hosts say of a live migration before anybody begins it: asked now, nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.rpc import Order
from compute.live_objects import DestinationVerdict, SourceVerdict
from compute.scheduler import claim
from instances.models import Instance, Migration
from instances.operations.live_migrate import destination_check, request_for, source_check
from instances.operations.migration_rows import ROW
from operations.asking import ask
from operations.saga import Run, StepFailed, rehearsal


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a server can go to a host: ``reasons`` stand against it, ``source`` is what to expect."""

    host: str
    reasons: tuple[str, ...] = ()
    source: SourceVerdict | None = None


def verdict(context: RequestContext, instance: Instance, row: Migration) -> Verdict:
    """Return what both hosts say; ``row`` is not saved. Raises NoValidHost, HostDidNotAnswer."""
    run = rehearsal(context, resource_id=str(instance.id), args={"migration": row.pk})
    run.memory[ROW] = row
    row.dest_host = _place_for(run, instance, row)
    there = DestinationVerdict.load(_answer(destination_check(run)))
    row.plan = {**row.plan, "destination": there.dump()}
    try:
        here = SourceVerdict.load(_answer(source_check(run)))
    except StepFailed:  # what the new host said suffices
        return Verdict(row.dest_host, there.reasons)
    return Verdict(row.dest_host, here.reasons, here)


def _answer(question: Order) -> dict[str, Any]:
    return ask(question)


def _place_for(run: Run, instance: Instance, row: Migration) -> str:
    """Return where the server would go now: a place is claimed, and given back by undoing all of it."""
    with transaction.atomic():
        place = claim(
            run.context,
            instance_id=str(row.uuid),
            project_id=instance.project_id,
            request=request_for(run),
        )
        transaction.set_rollback(True)
    return place.host
