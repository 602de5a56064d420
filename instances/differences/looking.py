"""A host told what it has: it is compared with what is written down of its servers."""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.events import on
from compute.events import HostSurveyed
from instances.differences.cards import find_cards
from instances.differences.disks import find_disks
from instances.differences.guests import find_guests
from instances.differences.places import find_places
from instances.differences.resting import resting
from reconciliation.manager import DifferenceManager

RUNS = ("running", "paused")


@on(HostSurveyed)
def compare(surveyed: HostSurveyed) -> None:
    """Note every difference between a host and its servers, and those that are gone."""
    host, survey, at = surveyed.host, surveyed.survey, surveyed.at
    rest = resting(host, at)
    running = {one.id: one for one in survey.guests if one.id in rest and one.power_state in RUNS}
    found = {
        **find_guests(host, survey, rest),
        **find_cards(running, rest),
        **find_disks(running, rest),
        **find_places(host, at, rest),
    }
    DifferenceManager(RequestContext.system()).note(found, host=host, at=at)
