"""What a host reads and writes when one port comes, changes or goes: no more among many than among few."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from network import wirings
from network.agent import NetworkAgent
from network.drivers import fake_records
from network.drivers.fake import FakeNetworkDriver
from network.objects import (
    ForwardingChange,
    ForwardingEntry,
    ForwardingTable,
    MembersChange,
    NetworkPicture,
    PortWiring,
    Segment,
)
from tests.builders.ports import (
    from_group,
    make_network,
    make_port,
    make_subnet,
    members,
    new_id,
    port_ref,
)


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts records that are read and written, the agent's and the fake kernel's."""
    seen: Counter[str] = Counter()

    def counted(owner: Any, name: str, what: str) -> None:
        before = getattr(owner, name)

        def noted(*words: Any, **more: Any) -> Any:
            seen[what] += 1
            return before(*words, **more)

        monkeypatch.setattr(owner, name, noted)

    counted(wirings, "read_record", "read")
    counted(wirings, "write_atomically", "written")
    counted(fake_records.FakeRecords, "write", "done")
    return seen


def check_same(few: Counter[str], many: Counter[str]) -> None:
    """Hold one's cost among few against that among many.

    Whether a port is here is asked of files in the directory's order: the new one, to be read, may be first.
    """
    assert (few["written"], few["done"]) == (many["written"], many["done"])
    assert abs(few["read"] - many["read"]) <= 1


def test_one_port_costs_a_host_the_same_among_two_hundred_as_among_five(
    tmp_path: Path, touched: Counter[str]
) -> None:
    group = new_id()
    network = make_network(subnets=(make_subnet(cidr="10.5.0.0/16"),))

    def port(number: int, **more: Any) -> PortWiring:
        address = f"10.5.{number // 200}.{number % 200 + 2}"
        return make_port(network, address, group_rules=(from_group(group),), **more)

    agent = NetworkAgent(FakeNetworkDriver(tmp_path / "driver"), tmp_path / "agent")
    agent.plug(port(0, groups=(members(network, group, 1),)))
    costs: list[dict[str, Counter[str]]] = []
    here, generation = 1, 1
    for count in (5, 200):
        while here < count:
            agent.plug(port(here))
            here += 1
        one = port(250 + count)
        entered = MembersChange(
            group_id=group,
            since=generation,
            generation=generation + 1,
            added=(f"10.6.0.{generation}/32",),
        )
        generation += 1
        changed = one.model_copy(update={"revision": 2, "rules": ()})
        steps = {
            "plugged": lambda one=one: agent.plug(one),
            "changed": lambda changed=changed: agent.refresh(
                NetworkPicture(id=network.id, ports=(changed,))
            ),
            "entered": lambda entered=entered: agent.refresh(
                NetworkPicture(id=network.id, ports=(), changes=(entered,))
            ),
            "told": lambda: agent.report(full=True),
            "unplugged": lambda one=one: agent.unplug(port_ref(one)),
        }
        agent.report(full=True)
        cost = {}
        for name, step in steps.items():
            touched.clear()
            step()
            cost[name] = Counter(touched)
        costs.append(cost)
    few, many = costs
    for name in few:
        check_same(few[name], many[name])
    assert costs[1]["told"]["read"] <= 2  # what is new since the last report


def test_a_port_that_moves_costs_a_host_the_same_among_two_hundred_as_among_five(
    tmp_path: Path, touched: Counter[str]
) -> None:
    segment = Segment(network_type="vxlan", segmentation_id=7)
    network = make_network(segment=segment)
    agent = NetworkAgent(FakeNetworkDriver(tmp_path / "driver"), tmp_path / "agent")

    def entry(number: int, host: int) -> ForwardingEntry:
        mac = f"fa:16:3e:00:{number // 256:02x}:{number % 256:02x}"
        return ForwardingEntry(mac=mac, endpoint=f"192.0.2.{host}")

    costs = []
    for generation, count in ((1, 5), (3, 200)):
        table = ForwardingTable(
            network_id=network.id,
            generation=generation,
            entries=tuple(entry(number, 1) for number in range(count)),
        )
        agent.plug(make_port(network, forwarding=table))
        moves = ForwardingChange(
            since=generation, generation=generation + 1, entries=(entry(1, 2),)
        )
        touched.clear()
        answer = agent.refresh(NetworkPicture(id=network.id, ports=(), moves=moves))
        assert answer.forwarding is not None
        assert answer.forwarding.generation == generation + 1
        costs.append(Counter(touched))
    check_same(*costs)
    assert costs[0]["done"] == 1
