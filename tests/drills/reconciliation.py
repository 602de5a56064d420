"""How the saga of reconciliation is drilled: a guest that nobody ordered, and goes."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from operations.testing import Drill
from reconciliation.manager import DifferenceManager
from reconciliation.models import Difference
from reconciliation.operations import HealDifference
from reconciliation.querysets import CONFIRMED
from tests.builders.differences import stray_guest
from tests.builders.instances import Lab, lab


def found(made: Lab) -> Difference:
    """Let a host have a guest of no server, which was seen twice."""
    guest = stray_guest(made, defined=True, power_state="running")
    made.guests["h1"]._save(made.guests["h1"]._guests[guest])
    return Difference.objects.create(
        kind="guest_unknown",
        host="h1",
        subject=guest,
        held=guest,
        sentence="It belongs to no server.",
        facts={"name": "stray"},
        sightings=CONFIRMED,
    )


def heal(_made: Lab, difference: Difference) -> None:
    """Let an operator say so."""
    DifferenceManager(RequestContext.system()).heal(difference.id)


def census(made: Lab, _difference: Any) -> dict[str, Any]:
    """Count guests, and differences that are found still."""
    return {
        "guests": sum(len(driver.list()) for driver in made.guests.values()),
        "open": Difference.objects.open().count(),
    }


DRILLS = (
    Drill(
        saga=HealDifference,
        world=lab,
        prepare=found,
        start=heal,
        census=census,
        done={"guests": 0, "open": 0},
        undone={"open": 1},
    ),
)
