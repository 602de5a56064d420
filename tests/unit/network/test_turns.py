"""All work on one network shares one thread of a host, whichever port it is about."""

from __future__ import annotations

from network import rpc
from network.objects import NetworkPicture
from tests.builders.ports import make_network, make_port, port_ref


def test_every_order_about_a_network_names_it() -> None:
    port = make_port(make_network())
    told = {
        rpc.PLUG: port,
        rpc.REFRESH: NetworkPicture(id=port.network.id, ports=(port,)),
        rpc.UNPLUG: port_ref(port),
    }
    turns = {method.name: method.in_turn and method.in_turn(told[method]) for method in told}
    assert set(turns.values()) == {port.network.id}
    methods = rpc.PLUG.REGISTRY.values()
    ours = {one.name for one in methods if one.payload.__module__ == "network.objects"}
    assert turns.keys() == ours
