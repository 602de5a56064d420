"""A limit is not lost on a host that knows none: it takes no such port, but its filters go on."""

from __future__ import annotations

import pytest

from cloudweb.objects import IncompatibleObject
from network.objects import BandwidthLimit, NetworkPicture, PortQos
from network.routers.objects import AddressLimit, RouterWiring
from tests.builders.ports import make_network, make_port, new_id

LIMIT = BandwidthLimit(max_kbps=1000)


def test_a_port_with_a_limit_is_not_plugged_where_none_is_known() -> None:
    port = make_port(make_network())
    assert "qos" not in port.dump(version="1.2")["data"]
    with pytest.raises(IncompatibleObject):
        port.model_copy(update={"qos": PortQos(egress=LIMIT)}).dump(version="1.2")


def test_its_filters_are_refreshed_there_all_the_same() -> None:
    port = make_port(make_network(), qos=PortQos(egress=LIMIT))
    picture = NetworkPicture(id=port.network.id, ports=(port,))
    (told,) = picture.dump(version="1.2")["data"]["ports"]
    assert "qos" not in told
    assert told["rules"] == [rule.model_dump(mode="json") for rule in port.rules]


def test_a_router_with_limits_is_not_told_without_them() -> None:
    router = RouterWiring(id=new_id(), project_id="p1", revision=1)
    assert "limits" not in router.dump(version="1.0")["data"]
    limited = router.model_copy(
        update={"limits": (AddressLimit(address="172.24.4.7", egress=LIMIT),)}
    )
    with pytest.raises(IncompatibleObject):
        limited.dump(version="1.0")
