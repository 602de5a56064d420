"""The numbers of networks: given from ranges, each once, until the network goes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q

from cloudweb.database.prepared import insert
from cloudweb.exceptions import InvalidInput
from network import conf
from network.exceptions.networks import FlatNetworkInUse
from network.exceptions.segments import NoNetworkAvailable, TunnelIdInUse, VlanIdInUse
from network.models import Network, SegmentRange
from network.models.network import NetworkKind
from network.strategies import STRATEGIES, TYPES

#: Held by who makes many networks at once (``alone_with``): two of them would wait for each other.
MANY = UUID("5f3c8a06-6d0b-4b5a-9a6e-0f4a9f6a7d11")
#: How many numbers are looked at before the first gap is sought.
TRIED = 64


def save_numbered(network: Network, *, kinds: Sequence[str]) -> None:
    """Write a new network as the first of these kinds that has a number left.

    A wire or number that it has already is kept, an MTU of 0 is the largest there. Raises InvalidInput
    for one that is larger, FlatNetworkInUse, VlanIdInUse, TunnelIdInUse, NoNetworkAvailable.
    """
    wanted = network.mtu
    for kind in kinds:
        network.kind = kind
        network.mtu = STRATEGIES[kind].mtu(wanted)
        if STRATEGIES[kind].numbers is None or network.segmentation_id is not None:
            _save_as_it_is(network)
            return
        if _save_with_a_number(network):
            return
    raise NoNetworkAvailable


def tenant_kinds() -> list[str]:
    """Return what networks are made of whose makers do not say; raise ImproperlyConfigured."""
    for name in conf.TENANT_TYPES:
        if name not in TYPES or not TYPES[name].is_for_tenants:
            raise ImproperlyConfigured(f"NETWORK_TENANT_TYPES: {name!r} is no type for tenants.")
    return [TYPES[name].kind for name in conf.TENANT_TYPES]


def default_ranges() -> set[tuple[str, str, int, int]]:
    """Return the ranges that settings name: kind, wire, first and last number.

    Raises ImproperlyConfigured for what is none.
    """
    found = {_range("vxlan", f":{text}") for text in conf.VXLAN_RANGES}
    return found | {_range("vlan", text) for text in conf.VLAN_RANGES}


def numbers_in_use(ranges: Iterable[SegmentRange]) -> dict[UUID, dict[int, str]]:
    """Return by range its numbers that networks have, each with the project; one query for all of them."""
    wanted = list(ranges)
    within = Q()
    for one in wanted:
        within |= _within(one)
    columns = "kind", "physical_network", "segmentation_id", "project_id"
    rows = list(Network.objects.filter(within).values_list(*columns)) if wanted else []
    return {
        one.id: {
            number: project
            for kind, wire, number, project in sorted(rows, key=lambda row: row[2])
            if (kind, wire) == (one.kind, one.physical_network) and number in one.numbers
        }
        for one in wanted
    }


def _range(kind: str, text: str) -> tuple[str, str, int, int]:
    try:
        wire, minimum, maximum = text.rsplit(":", 2)
        row = kind, wire, int(minimum), int(maximum)
        for number in row[2:]:
            STRATEGIES[kind].check(physical_network=wire, segmentation_id=number)
    except (ValueError, InvalidInput) as error:
        raise ImproperlyConfigured(
            f"{text.lstrip(':')!r} is no range of {kind} numbers."
        ) from error
    if row[2] > row[3]:
        raise ImproperlyConfigured(f"{text.lstrip(':')!r} ends before it begins.")
    return row


def _within(one: SegmentRange) -> Q:
    return Q(
        kind=one.kind,
        physical_network=one.physical_network,
        segmentation_id__range=(one.minimum, one.maximum),
    )


def _save_as_it_is(network: Network) -> None:
    if not network.strategy.is_joined:  # nothing of it can be anybody else's
        insert(network)
        return
    try:
        with transaction.atomic():
            insert(network)
    except IntegrityError as error:
        number, wire = network.segmentation_id, network.physical_network
        if number is None:
            raise FlatNetworkInUse(
                f"Unable to create the flat network. Physical network {wire} is in use."
            ) from error
        if network.kind == NetworkKind.VLAN:
            raise VlanIdInUse(physical_network=wire, vlan_id=number) from error
        raise TunnelIdInUse(number) from error


def _save_with_a_number(network: Network) -> bool:
    """Tell whether a range had a number; who was faster with it makes us look for the next."""
    wire = network.physical_network
    for there, numbers in _open_to(network):
        network.physical_network = there
        while (number := _any_free(network.kind, there, numbers)) is not None:
            network.segmentation_id = number
            try:
                with transaction.atomic():
                    insert(network)
            except IntegrityError:
                continue
            return True
    network.physical_network, network.segmentation_id = wire, None
    return False


def _open_to(network: Network) -> Iterator[tuple[str, range]]:
    """Yield wires with their numbers: the project's own first, then everybody's without what is somebody's own."""
    ranges = SegmentRange.objects.filter(kind=network.kind).order_by("created_at", "id")
    if network.physical_network:
        ranges = ranges.filter(physical_network=network.physical_network)
    rows = list(ranges)
    for one in rows:
        if not one.shared and one.project_id == network.project_id:
            yield one.physical_network, one.numbers
    private = [one for one in rows if not one.shared]
    for one in rows:
        if one.shared:
            for numbers in _without(one.numbers, _on(one.physical_network, private)):
                yield one.physical_network, numbers


def _on(wire: str, ranges: Iterable[SegmentRange]) -> list[range]:
    found = (one.numbers for one in ranges if one.physical_network == wire)
    return sorted(found, key=lambda numbers: numbers.start)


def _without(numbers: range, taken: Sequence[range]) -> Iterator[range]:
    """Yield what is left of a range; those taken from it are in order."""
    start = numbers.start
    for one in taken:
        if one.start > start:
            yield range(start, min(one.start, numbers.stop))
        start = max(start, min(one.stop, numbers.stop))
    yield range(start, numbers.stop)


def _any_free(kind: str, wire: str, numbers: range) -> int | None:
    """Return one at random: two who look at the same moment seldom find the same."""
    drawn = random.sample(numbers, min(TRIED, len(numbers)))
    rows = Network.objects.filter(kind=kind, physical_network=wire)
    used = {*rows.filter(segmentation_id__in=drawn).values_list("segmentation_id", flat=True)}
    free = [number for number in drawn if number not in used]
    if free or len(numbers) <= TRIED:
        return free[0] if free else None
    if not rows.filter(segmentation_id=numbers[0]).exists():
        return numbers[0]
    after = rows.filter(segmentation_id=OuterRef("segmentation_id") + 1)
    before = rows.filter(segmentation_id__range=(numbers[0], numbers[-1] - 1))
    gaps = before.filter(~Exists(after)).order_by("segmentation_id")
    gap: int | None = gaps.values_list(F("segmentation_id") + 1, flat=True).first()
    return gap
