"""Switch a host off or on from outside, or ask whether it has power."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from cloudweb.database.clock import now
from compute import failures
from compute.conf import FENCE_PATIENCE
from compute.exceptions import HostHasNoFence
from compute.fencing.base import FenceDriver, FenceFailed
from compute.fencing.loading import driver_of
from compute.models import HostFence, ProofKind
from compute.querysets import DOMAIN
from operations import services
from operations.jobs import Running
from operations.saga import Failure, Job, Run, Saga, Step

PAUSE = 1.0  # seconds between two looks at a machine that takes its time


def _fence(name: str) -> HostFence:
    found = HostFence.objects.select_related("host").filter(host__name=name).first()
    if found is None:
        raise HostHasNoFence(name)
    return found


def power(run: Run) -> Job:
    """Tell the host's power control what is wanted, and look until it says so."""
    fence, wanted = _fence(run.resource_id), run.args["wanted"]
    return Job(
        lambda running: _make_it_so(running, driver_of(fence), wanted),
        deadline=timedelta(seconds=3 * FENCE_PATIENCE + 60),
    )


def _make_it_so(running: Running, driver: FenceDriver, wanted: str) -> Mapping[str, Any]:
    if not wanted:
        return {"power": driver.power()}
    running.check()
    (driver.off if wanted == "off" else driver.on)()
    until = time.monotonic() + FENCE_PATIENCE
    while (found := driver.power()) != wanted:
        running.check()
        if time.monotonic() >= until:
            raise FenceFailed(f"The host's power control was told {wanted} and still says {found}.")
        time.sleep(PAUSE)
    return {"power": found}


def told(run: Run, answers: list[Any]) -> None:
    """Keep what it said; a host that is off and silent is dead, one that has power may be alive."""
    found = answers[0]["power"]
    rows = HostFence.objects.filter(host__name=run.resource_id)
    rows.update(power=found, power_at=now(), error="", updated_at=now())
    if found == "off" and not services.is_up(run.resource_id, DOMAIN):
        reason = run.args.get("reason") or "its power control says off"
        failures.record(run.resource_id, ProofKind.FENCED, context=run.context, reason=reason)
    elif found == "on":
        failures.end(run.resource_id)


class PowerHost(Saga):
    """Let a host be off or on (``args["wanted"]``; empty: only ask).

    The resource is the power of the host of this name. What was switched is not switched back.
    """

    kind = "compute.power_host"
    resource_type = "host_power"
    deadline: ClassVar[timedelta] = timedelta(minutes=15)
    steps = (Step("power", power, done=told),)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Keep why it failed."""
        said = failure.public if failure else "Something else was asked of it."
        rows = HostFence.objects.filter(host__name=run.resource_id)
        rows.update(error=said, updated_at=now())
