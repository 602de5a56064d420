"""Heal a difference: what its kind says, if it is still true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudweb.database.clock import now
from operations.holding import Resource
from operations.saga import Failure, Run, Saga, Step, StepResult
from reconciliation.kinds import kinds
from reconciliation.models import Difference


def heal(run: Run) -> StepResult:
    """Do what the kind of difference says; nothing where it is not so any more."""
    difference = Difference.objects.open().filter(id=run.resource_id).first()
    kind = kinds().get(difference.kind) if difference is not None else None
    if difference is None or kind is None or kind.heal is None or not kind.is_true(difference):
        return None
    return kind.heal(run, difference)


class HealDifference(Saga):
    """Put one difference right: ``args["type"]`` and ``args["held"]`` name what nobody else may be at work on."""

    kind = "reconciliation.heal"
    resource_type = "difference"
    steps = (Step("heal", heal),)

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """What it is about, unless healing is an operation of that itself."""
        return [Resource(args["type"], args["held"])] if args["held"] else []

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is not found any more: the next look says so if it is."""
        Difference.objects.filter(id=run.resource_id).update(gone_at=now(), error="")

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is as it was; it is tried again later."""
        reason = failure.public if failure else "It was cancelled."
        Difference.objects.filter(id=run.resource_id).update(error=reason)
