"""A second installation on the same kernel takes nothing of the first one's, nor removes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from network.drivers.linuxbridge import LinuxBridgeDriver, nft
from network.drivers.linuxbridge.neighbours import NamesTaken
from network.drivers.linuxbridge.uplinks import TABLE
from tests.builders.ports import make_network, make_port
from tests.host.network.bench import KernelBench

pytestmark = pytest.mark.host


def test_cleaning_the_second_leaves_the_first(bench: KernelBench, tmp_path: Path) -> None:
    network = make_network()
    bench.agent.plug(make_port(network))
    before = sorted(bench.census())
    second = LinuxBridgeDriver(tmp_path / "second", "h2", config=bench.config)
    with pytest.raises(NamesTaken, match=bench.config.prefix):
        second.check_neighbours()
    with pytest.raises(NamesTaken):
        second.start()
    assert not second.segments()
    assert not second.ports()
    second.delete_everything()
    assert sorted(bench.census()) == before
    assert not bench.driver.broken()


def test_forwarding_stays_guarded_until_the_last_has_left(
    bench: KernelBench, tmp_path: Path
) -> None:
    bench.agent.plug(make_port(make_network()))
    other = KernelBench(tmp_path / "other")
    try:
        other.agent.plug(make_port(make_network()))
        assert ("inet", TABLE) in nft.tables(TABLE)
        nft.delete(("inet", TABLE))
        assert other.driver.broken()
        assert bench.driver.broken()
        other.agent.repair()
        assert not bench.driver.broken()
    finally:
        other.driver.delete_everything()
    assert ("inet", TABLE) in nft.tables(TABLE)
