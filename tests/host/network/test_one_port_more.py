"""What one port more on a host's network takes: little while the network stands, all of it where it does not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from cloudweb import process
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.links import Links
from tests.builders.ports import make_network, make_port
from tests.host.network.bench import KernelBench

pytestmark = pytest.mark.host


def test_one_port_more_is_one_change_of_filters_and_what_was_broken_is_made_anew(
    bench: KernelBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, numbers = make_network(), itertools.count(11)
    names = bench.config.names(network.id)
    run, commands = process.run, []

    def noted(*words: str, **more: Any) -> process.Completed:
        commands.append(words)
        return run(*words, **more)

    monkeypatch.setattr(process, "run", noted)

    def plug() -> list[tuple[str, ...]]:
        commands.clear()
        bench.agent.plug(make_port(network, f"10.5.0.{next(numbers)}"))
        return [*commands]

    def link(name: str) -> Any:
        with Links.open() as links:
            return links.find(name)

    plug()
    assert plug() == [("nft", "-f", "-")]

    damages = {
        "its way out is gone": ("ip", "link", "delete", names.way_out),
        "its frames pass no filter": (
            *("ip", "link", "set", names.bridge, "type", "bridge"),
            *("nf_call_iptables", "0"),
        ),
        "its leg is off the bridge": ("ip", "link", "set", names.leg, "nomaster"),
        "its namespace is gone": ("ip", "netns", "delete", names.namespace),
    }
    for damage, words in damages.items():
        run(*words)
        assert len(plug()) > 1, damage
        assert link(names.way_out) is not None, damage
        assert link(names.bridge).filtered, damage
        assert link(names.leg).master == link(names.bridge).index, damage
        assert namespaces.exists(names.namespace), damage
        assert plug() == [("nft", "-f", "-")], damage
