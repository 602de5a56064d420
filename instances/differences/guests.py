"""Guests that should not be where they are, or are not where they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cloudweb.rpc import Order
from compute.events import GuestChanged
from compute.objects import GuestRef, HostSurvey
from compute.rpc import DESTROY
from instances.differences.resting import find_resting, known, moving
from instances.events import guest_changed
from instances.models import Instance
from instances.operations.power import StartInstance
from instances.states import POWER_STATES, PowerState, VmState
from operations.saga import Child, Run
from reconciliation import conf
from reconciliation.kinds import Finding, Kind, declare

if TYPE_CHECKING:
    from reconciliation.models import Difference

UNKNOWN, ELSEWHERE, FILES = "guest_unknown", "guest_elsewhere", "guest_files"
MISSING, POWER = "guest_missing", "guest_power"


def find_guests(
    host: str, survey: HostSurvey, rest: Mapping[str, Instance]
) -> Mapping[str, list[Finding]]:
    """Compare the guests of a host with its servers."""
    seen = {guest.id: guest for guest in survey.guests}
    servers, apart = known([*seen, *survey.traces]), moving(host)
    found: dict[str, list[Finding]] = {
        UNKNOWN: [],
        ELSEWHERE: [],
        FILES: [],
        MISSING: [],
        POWER: [],
    }
    for guest_id, guest in seen.items():
        server, facts = servers.get(guest_id), {"name": guest.name}
        if server is None:
            sentence = f"Guest {guest.name} ({guest.power_state}) belongs to no server."
            found[UNKNOWN].append(Finding(guest_id, sentence, guest_id, facts))
        elif _is_elsewhere(server, host) and guest_id not in apart:
            sentence = f"Guest {guest.name} ({guest.power_state}) is here, its server on {server.host or 'no host'}."
            found[ELSEWHERE].append(Finding(guest_id, sentence, guest_id, facts))
    for guest_id in sorted({*survey.traces} - seen.keys()):
        if guest_id not in servers or (
            _is_elsewhere(servers[guest_id], host) and guest_id not in apart
        ):
            sentence = f"There are files or records of guest {guest_id}, which is not here."
            found[FILES].append(Finding(guest_id, sentence, guest_id, {"name": ""}))
    for guest_id, server in rest.items():
        if guest_id not in seen:
            sentence = f"Server {server.name} has no guest on its host."
            found[MISSING].append(Finding(guest_id, sentence, guest_id))
    found[POWER] = [*_powers(rest, survey)]
    return found


def _powers(rest: Mapping[str, Instance], survey: HostSurvey) -> Iterator[Finding]:
    for guest in survey.guests:
        server, power = rest.get(guest.id), POWER_STATES[guest.power_state]
        if power == PowerState.NOSTATE:
            continue  # its host could not look at it
        if server is not None and server.power_state != power:
            sentence = f"Server {server.name} is {server.get_power_state_display()}, its guest {guest.power_state}."
            yield Finding(guest.id, sentence, guest.id, {"state": guest.power_state})


def _is_elsewhere(server: Instance, host: str) -> bool:
    """Tell whether a server rests on another host, or on none."""
    return server.host != host and server.task_state is None


def _has_no_server_here(difference: Difference) -> bool:
    server = known([difference.subject]).get(difference.subject)
    if server is None:
        return True
    return (
        _is_elsewhere(server, difference.host)
        and server.vm_state != VmState.BUILDING
        and difference.subject not in moving(difference.host)
    )


def _destroy(_run: Run, difference: Difference) -> Order:
    ref = GuestRef(id=difference.subject, name=difference.facts.get("name", ""))
    return DESTROY.order(host=difference.host, resource_id=ref.id, payload=ref)


def _rests(difference: Difference) -> bool:
    return find_resting(difference.subject, difference.host) is not None


def _start(_run: Run, difference: Difference) -> Child:
    return Child(StartInstance, difference.subject)


def _take_as_news(_run: Run, difference: Difference) -> None:
    guest_changed(GuestChanged(difference.host, difference.subject, difference.facts["state"]))


declare(
    Kind(
        name=UNKNOWN,
        title="Guest without a server",
        remedy="The guest is destroyed, with its disks.",
        is_true=_has_no_server_here,
        heal=_destroy,
        hold=conf.HOLD,
        resource_type="instance",
    ),
    Kind(
        name=ELSEWHERE,
        title="Guest whose server is elsewhere",
        remedy="The guest is destroyed on this host; what the server has elsewhere stays.",
        is_true=_has_no_server_here,
        heal=_destroy,
        hold=conf.HOLD,
        resource_type="instance",
    ),
    Kind(
        name=FILES,
        title="Files without a guest",
        remedy="What is left of the guest on this host is deleted.",
        is_true=_has_no_server_here,
        heal=_destroy,
        hold=conf.HOLD,
        resource_type="instance",
    ),
    Kind(
        name=MISSING,
        title="Server without its guest",
        remedy="The server is started from the disks it has.",
        is_true=_rests,
        heal=_start,
        hold=None,
    ),
    Kind(
        name=POWER,
        title="Power state",
        remedy="The server is shown as its guest is.",
        is_true=_rests,
        heal=_take_as_news,
        resource_type="instance",
    ),
)
