"""Trunks: what may be in one, what is refused, and where subports are."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from cloudweb.context import RequestContext
from network import states
from network.manager import PortManager, TrunkManager
from network.models import Port, Trunk
from network.operations.plug_subport import catch_up
from network.ovn.reading import read_networks
from network.resolution import port_wirings
from network.trunks.status import status_of
from operations.events import HostUp
from tests.builders.identity import ApiClient
from tests.builders.instances import NOTHING, Lab, census, lab
from tests.builders.networks import make_agent, make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


def kind(answer: Any) -> tuple[int, str]:
    error = answer.json().get("NeutronError", {}) if answer.content else {}
    return answer.status_code, error.get("type", "")


def made(client: ApiClient, port: Port, *subports: tuple[Port, int], **said: Any) -> Any:
    body = {"port_id": str(port.id), "sub_ports": [*map(said_of, subports)], **said}
    return client.send("POST", f"{V2}/trunks", {"trunk": body})


def said_of(one: tuple[Port, int]) -> dict[str, Any]:
    port, number = one
    return {"port_id": str(port.id), "segmentation_type": "vlan", "segmentation_id": number}


def ports(context: RequestContext, count: int) -> list[Port]:
    """Return so many ports, each on a network of its own."""
    networks = [make_network(context, name=f"n{one}") for one in range(count)]
    return [make_port(network, context) for network in networks]


def test_subports_come_and_go(member: ApiClient, context: RequestContext) -> None:
    parent, one, two = ports(context, 3)
    trunk = made(member, parent, (one, 7), name="t").json()["trunk"]
    path = f"{V2}/trunks/{trunk['id']}"
    assert {name: trunk[name] for name in ("name", "port_id", "status", "sub_ports")} == {
        "name": "t",
        "port_id": str(parent.id),
        "status": "DOWN",
        "sub_ports": [said_of((one, 7))],
    }
    added = member.send("PUT", f"{path}/add_subports", {"sub_ports": [said_of((two, 8))]})
    assert (added.status_code, added.json()["id"]) == (200, trunk["id"])  # no noun around it
    shown = member.send("GET", f"{path}/get_subports").json()
    assert shown == {"sub_ports": [said_of((one, 7)), said_of((two, 8))]}

    details = member.send("GET", f"{V2}/ports/{parent.id}").json()["port"]["trunk_details"]
    assert details == {
        "trunk_id": trunk["id"],
        "sub_ports": [
            {**said_of(pair), "mac_address": pair[0].mac_address} for pair in ((one, 7), (two, 8))
        ],
    }
    listed = {port["id"]: port for port in member.send("GET", f"{V2}/ports").json()["ports"]}
    assert {str(parent.id)} == {name for name, port in listed.items() if "trunk_details" in port}
    assert listed[str(parent.id)]["trunk_details"] == details
    inside = listed[str(one.id)]
    assert (inside["device_owner"], inside["device_id"]) == ("trunk:subport", trunk["id"])

    less = member.send("PUT", f"{path}/remove_subports", {"sub_ports": [{"port_id": str(one.id)}]})
    assert less.json()["sub_ports"] == [said_of((two, 8))]
    assert Port.objects.get(id=one.id).device_owner == ""
    assert member.send("DELETE", path).status_code == 204
    assert {*Port.objects.values_list("trunk_role", "device_id", "device_owner")} == {("", "", "")}
    for port in (parent, one, two):
        assert member.send("DELETE", f"{V2}/ports/{port.id}").status_code == 204


def test_what_is_refused(member: ApiClient, context: RequestContext) -> None:
    parent, one, two, free, used = ports(context, 5)
    Port.objects.filter(id=used.id).update(device_id="a-server")
    wide = make_port(make_network(context, mtu=parent.network.mtu + 100), context)
    narrow = make_port(make_network(context, mtu=1300), context)
    strange = make_port(make_network())
    trunk = made(member, parent, (one, 7)).json()["trunk"]
    path = f"{V2}/trunks/{trunk['id']}"

    def add(*subports: dict[str, Any]) -> tuple[int, str]:
        return kind(member.send("PUT", f"{path}/add_subports", {"sub_ports": subports}))

    inherited = {"port_id": str(free.id), "segmentation_type": "inherit"}
    unknown = {"port_id": str(uuid.uuid4()), "segmentation_id": 9}
    dropped = {"sub_ports": [{"port_id": str(two.id)}]}
    found = {
        "a parent again": kind(made(member, parent)),
        "a subport as parent": kind(made(member, one)),
        "a subport again": kind(made(member, free, (one, 8))),
        "a parent as subport": kind(made(member, free, (parent, 8))),
        "its own subport": kind(made(member, free, (free, 8))),
        "the same number": add(said_of((two, 7))),
        "twice the same number": add(said_of((two, 8)), said_of((free, 8))),
        "twice the same port": add(said_of((two, 8)), said_of((two, 9))),
        "a port of a server": add(said_of((used, 9))),
        "too wide": add(said_of((wide, 9))),
        "narrow": kind(made(member, narrow, (two, 9))),
        "of nobody": add(unknown),
        "of somebody": add(said_of((strange, 9))),
        "nothing to inherit": add(inherited),
        "no number": add({"port_id": str(free.id)}),
        "a number too large": add(said_of((free, 4095))),
        "nothing": add(),
        "not in it": kind(member.send("PUT", f"{path}/remove_subports", dropped)),
        "delete the parent": kind(member.send("DELETE", f"{V2}/ports/{parent.id}")),
        "delete the subport": kind(member.send("DELETE", f"{V2}/ports/{one.id}")),
        "take its device": kind(
            member.send("PUT", f"{V2}/ports/{one.id}", {"port": {"device_id": "x"}})
        ),
        "another parent": kind(member.send("PUT", path, {"trunk": {"port_id": str(free.id)}})),
        "no such trunk": kind(member.send("GET", f"{V2}/trunks/{uuid.uuid4()}")),
    }
    assert found == {
        "a parent again": (409, "TrunkPortInUse"),
        "a subport as parent": (409, "TrunkPortInUse"),
        "a subport again": (409, "TrunkPortInUse"),
        "a parent as subport": (409, "TrunkPortInUse"),
        "its own subport": (409, "TrunkPortInUse"),
        "the same number": (409, "DuplicateSubPort"),
        "twice the same number": (409, "DuplicateSubPort"),
        "twice the same port": (400, "InvalidInput"),
        "a port of a server": (409, "SubPortInUse"),
        "too wide": (409, "SubPortMtuGreaterThanTrunkPortMtu"),
        "narrow": (409, "SubPortMtuGreaterThanTrunkPortMtu"),
        "of nobody": (404, "PortNotFound"),
        "of somebody": (404, "PortNotFound"),
        "nothing to inherit": (400, "InvalidInput"),
        "no number": (400, found["no number"][1]),
        "a number too large": (400, found["a number too large"][1]),
        "nothing": (400, found["nothing"][1]),
        "not in it": (404, "SubPortNotFound"),
        "delete the parent": (409, "PortInUseAsTrunkParent"),
        "delete the subport": (409, "PortInUseAsSubPort"),
        "take its device": (409, "PortInUseAsSubPort"),
        "another parent": (400, found["another parent"][1]),
        "no such trunk": (404, "TrunkNotFound"),
    }
    assert [*Trunk.objects.values_list("id", flat=True)] == [uuid.UUID(trunk["id"])]
    said = member.send("DELETE", f"{V2}/ports/{parent.id}").json()["NeutronError"]["message"]
    assert trunk["id"] in said  # it names the trunk


def test_a_trunk_that_is_shut_keeps_its_subports(
    member: ApiClient, context: RequestContext
) -> None:
    parent, one, two = ports(context, 3)
    path = f"{V2}/trunks/{made(member, parent, (one, 7)).json()['trunk']['id']}"
    shut = member.send("PUT", path, {"trunk": {"admin_state_up": False, "description": "d"}})
    assert (shut.json()["trunk"]["admin_state_up"], shut.json()["trunk"]["description"]) == (
        False,
        "d",
    )
    one_more = {"sub_ports": [said_of((two, 8))]}
    one_less = {"sub_ports": [{"port_id": str(one.id)}]}
    assert {
        "add": kind(member.send("PUT", f"{path}/add_subports", one_more)),
        "remove": kind(member.send("PUT", f"{path}/remove_subports", one_less)),
    } == dict.fromkeys(("add", "remove"), (409, "TrunkDisabled"))
    assert member.send("DELETE", path).status_code == 204  # that is another matter


def test_where_a_host_has_no_vlans_nobody_is_promised_any(
    member: ApiClient, context: RequestContext
) -> None:
    parent, one = ports(context, 2)
    make_agent("h1", capabilities=("trunks",))
    aliases = {one["alias"] for one in member.send("GET", f"{V2}/extensions").json()["extensions"]}
    assert {"trunk", "trunk-details"} <= aliases
    make_agent("h2")
    answer = made(member, parent, (one, 7))
    assert kind(answer) == (400, "TrunksNotOffered")
    assert "8021q" in answer.json()["NeutronError"]["message"]
    aliases = {one["alias"] for one in member.send("GET", f"{V2}/extensions").json()["extensions"]}
    assert not {"trunk", "trunk-details"} & aliases


def test_a_number_that_is_inherited_is_that_of_the_network(context: RequestContext) -> None:
    operator = RequestContext.system(project_id=context.project_id)
    parent, *_ = ports(context, 1)
    vlan = make_network(
        operator, kind="vlan", physical_network="public", segmentation_id=42, mtu=1400
    )
    port = make_port(vlan, operator)
    trunk = TrunkManager(context).create(
        port_id=parent.id,
        sub_ports=[{"port_id": port.id, "segmentation_type": "inherit"}],
    )
    assert [one.segmentation_id for one in trunk.subports.all()] == [42]


def test_hosts_and_ovn_are_told_which_port_carries_which(context: RequestContext) -> None:
    parent, one = ports(context, 2)
    said = [{"port_id": one.id, "segmentation_id": 7}]
    trunk = TrunkManager(context).create(port_id=parent.id, sub_ports=said)

    def told() -> tuple[Any, Any]:
        (wiring,) = port_wirings([one.id])
        (network,) = read_networks([one.network_id])
        place = wiring.carried and (wiring.carried.port_id, wiring.carried.segmentation_id)
        return place, (network.ports[0].parent, network.ports[0].tag)

    assert told() == ((str(parent.id), 7), (parent.id, 7))
    (wiring,) = port_wirings([parent.id])
    assert wiring.carried is None
    TrunkManager(context).delete(trunk.id)
    assert told() == (None, (None, None))


def test_what_a_trunk_is_called_for_its_ports() -> None:
    there, error, not_yet = ("ACTIVE", 3), ("ERROR", 0), ("DOWN", 0)
    assert {
        "nowhere": status_of(False, [there]),
        "alone": status_of(True, []),
        "all": status_of(True, [there, ("DOWN", 2)]),  # its owner put that one down
        "not yet": status_of(True, [there, not_yet]),
        "one failed": status_of(True, [there, error]),
        "all failed": status_of(True, [error, error]),
        "one failed, one not yet": status_of(True, [error, not_yet]),
    } == {
        "nowhere": states.DOWN,
        "alone": states.ACTIVE,
        "all": states.ACTIVE,
        "not yet": states.BUILD,
        "one failed": states.DEGRADED,
        "all failed": states.ERROR,
        "one failed, one not yet": states.ERROR,
    }


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as running:
        yield running


def a_port(small: Lab, name: str) -> Port:
    network = make_subnet(make_network(small.context, name=name), small.context).network
    return make_port(network, small.context)


def taps(small: Lab) -> set[str]:
    return {status.id for driver in small.wires.values() for status in driver.ports()}


@pytest.mark.django_db(transaction=True)
def test_subports_are_where_their_server_is(small: Lab) -> None:
    trunks = TrunkManager(small.context)
    parent, one, two = (a_port(small, name) for name in ("p", "s1", "s2"))
    trunk = trunks.create(port_id=parent.id, sub_ports=[{"port_id": one.id, "segmentation_id": 7}])
    assert taps(small) == set()
    server = small.create(networks=[{"port": str(parent.id)}])
    assert small.show(server)["status"] == "ACTIVE"
    assert taps(small) == {str(parent.id), str(one.id)}
    assert trunks.get(trunk.id).status == "ACTIVE"
    assert {port.host for port in Port.objects.filter(id__in=(parent.id, one.id))} == {"h1"}
    (card,) = small.show(server)["addresses"].values()  # a subport is no card of the server
    assert len(card) == 1

    trunks.add_subports(trunk.id, [{"port_id": two.id, "segmentation_id": 8}])
    assert trunks.get(trunk.id).status == "BUILD"
    small.cloud.settle()
    assert taps(small) == {str(parent.id), str(one.id), str(two.id)}
    assert PortManager(small.context).get(two.id).status == "ACTIVE"
    trunks.remove_subports(trunk.id, [one.id])
    small.cloud.settle()
    assert taps(small) == {str(parent.id), str(two.id)}
    gone = Port.objects.get(id=one.id)
    assert (gone.host, gone.status, trunks.get(trunk.id).status) == ("", "DOWN", "ACTIVE")

    small.client.send("DELETE", f"/compute/v2.1/servers/{server}")
    small.cloud.settle()
    assert census(small) == NOTHING
    assert (trunks.get(trunk.id).status, Port.objects.get(id=two.id).host) == ("DOWN", "")
    again = small.create(networks=[{"port": str(parent.id)}])
    assert taps(small) == {str(parent.id), str(two.id)}
    assert trunks.get(trunk.id).status == "ACTIVE"
    trunks.delete(trunk.id)
    small.cloud.settle()
    assert taps(small) == {str(parent.id)}
    assert small.show(again)["status"] == "ACTIVE"


@pytest.mark.django_db(transaction=True)
def test_a_card_that_was_made_with_its_server_outlives_it_as_a_trunk(small: Lab) -> None:
    server = small.create()
    card, one = Port.objects.get(device_id=server), a_port(small, "s")
    trunks = TrunkManager(small.context)
    trunk = trunks.create(port_id=card.id, sub_ports=[{"port_id": one.id, "segmentation_id": 7}])
    small.cloud.settle()
    assert taps(small) == {str(card.id), str(one.id)}
    small.client.send("DELETE", f"/compute/v2.1/servers/{server}")
    small.cloud.settle()
    assert census(small) == NOTHING
    assert trunks.get(trunk.id).port_id == card.id
    assert Port.objects.get(id=card.id).device_id == ""


@pytest.mark.django_db(transaction=True)
def test_a_host_that_cannot_have_a_subport_makes_the_trunk_degraded_until_it_can(
    small: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunks = TrunkManager(small.context)
    parent, one = a_port(small, "p"), a_port(small, "s1")
    small.create(networks=[{"port": str(parent.id)}])
    trunk = trunks.create(port_id=parent.id)
    assert trunks.get(trunk.id).status == "ACTIVE"
    small.wires["h1"].faults.fail("plug", times=3)
    monkeypatch.setattr("network.operations.plug_subport.services.is_up", lambda *_: False)
    trunks.add_subports(trunk.id, [{"port_id": one.id, "segmentation_id": 7}])
    small.cloud.settle()
    assert (trunks.get(trunk.id).status, Port.objects.get(id=one.id).status) == ("ERROR", "ERROR")
    with transaction.atomic():
        catch_up(HostUp(host="h1", domain="network"))
    small.cloud.settle()
    assert (trunks.get(trunk.id).status, Port.objects.get(id=one.id).status) == (
        "ACTIVE",
        "ACTIVE",
    )
