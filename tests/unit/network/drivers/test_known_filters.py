"""What is told to the kernel when one port or member comes or goes: no more among many than among few."""

from __future__ import annotations

import pytest

from cloudweb.driver import DriverError
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.known_filters import KnownFilters
from network.objects import NetworkWiring, PortWiring
from tests.builders.ports import from_group, make_network, make_port, make_subnet, members, new_id

GROUP = new_id()
NETWORK = make_network(subnets=(make_subnet(cidr="10.5.0.0/16"),))
NAMES = BridgeConfig().names(NETWORK.id)


def ports(count: int, network: NetworkWiring = NETWORK) -> list[PortWiring]:
    rules = (from_group(GROUP), from_group(GROUP, ethertype="IPv6"))
    return [
        make_port(network, f"10.5.{number // 200}.{number % 200 + 2}", group_rules=rules)
        for number in range(count)
    ]


def in_force(count: int) -> tuple[KnownFilters, list[PortWiring]]:
    known, made = KnownFilters(), ports(count)
    whole = members(NETWORK, GROUP, 1, *(f"10.5.9.{number % 250}/32" for number in range(count)))
    known.whole(NAMES, 4100, made, [whole])
    return known, made


def test_a_change_is_as_long_among_five_hundred_ports_as_among_five() -> None:
    lengths = []
    for count in (5, 500):
        known, made = in_force(count)
        here = known.members[GROUP]
        steps = {
            "plugged": {"changed": ports(1)},
            "changed": {"changed": [made[2]]},
            "gone": {"gone": [made[3].id]},
            "entered": {"groups": [members(NETWORK, GROUP, 2, *here, "10.5.7.7/32")]},
            "left": {"groups": [members(NETWORK, GROUP, 3, *here)]},
        }
        nothing = {"changed": [], "gone": [], "groups": []}
        lengths.append(
            {
                name: known.change(NAMES, **{**nothing, **step}).count("\n")  # type: ignore[arg-type]
                for name, step in steps.items()
            }
        )
    assert lengths[0] == lengths[1]
    assert (lengths[0]["entered"], lengths[0]["left"]) == (1, 1)


def test_numbers_are_given_again_but_never_to_two() -> None:
    known, made = in_force(4)
    taken = known.numbers[made[1].id]
    more = ports(2)
    known.change(NAMES, changed=more[:1], gone=[made[1].id], groups=[])
    known.change(NAMES, changed=more[1:], gone=[], groups=[])
    assert len(set(known.numbers.values())) == len(known.numbers) == 5
    assert taken in known.numbers.values()
    assert made[1].id not in known.taps


def test_what_is_no_group_or_address_is_refused() -> None:
    known, _ = in_force(1)
    evil = "; flush ruleset"
    with pytest.raises(DriverError):
        known.change(NAMES, changed=[], gone=[], groups=[members(NETWORK, evil, 1)])
    with pytest.raises(DriverError):
        known.change(NAMES, changed=[], gone=[], groups=[members(NETWORK, GROUP, 9, evil)])
    bad = make_port(NETWORK, group_rules=(from_group(evil),))
    with pytest.raises(DriverError):
        known.change(NAMES, changed=[bad], gone=[], groups=[])
