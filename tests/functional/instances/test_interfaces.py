"""Network cards over HTTP: attached, shown, detached, whatever died in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from compute.models import Host
from instances.manager import ExternalEvent, ExternalEventManager
from instances.manager.external_events import NoServersOfEvents
from instances.models import Instance, InstancePort
from instances.operations.guest import guest_spec
from network.manager import PortManager
from network.models import Network, Port
from network.objects import tap_name
from operations.models import Operation
from operations.saga import Run
from tests.builders.identity import client_of, make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_network, make_port, make_subnet

pytestmark = pytest.mark.django_db(transaction=True)
UNKNOWN = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def second(home: Lab) -> Network:
    network = make_network(home.context, name="net2")
    make_subnet(network, home.context, cidr="10.0.1.0/24")
    return network


def attach(
    home: Lab, server: str, *, version: str = "2.96", client: Any = None, **said: Any
) -> Any:
    body = {"interfaceAttachment": said}
    path = f"/servers/{server}/os-interface"
    return home.send("POST", path, body, version=version, client=client)


def detach(home: Lab, server: str, port: str) -> Any:
    return home.send("DELETE", f"/servers/{server}/os-interface/{port}")


def listed(home: Lab, server: str, version: str = "2.96") -> list[dict[str, Any]]:
    answer = home.send("GET", f"/servers/{server}/os-interface", version=version)
    found: list[dict[str, Any]] = answer.json()["interfaceAttachments"]
    return found


def cards(home: Lab, server: str) -> list[str]:
    return [tap for driver in home.guests.values() for tap in driver.interfaces(server)]


def wires(home: Lab) -> int:
    return sum(len(driver.ports()) for driver in home.wires.values())


def test_a_network_is_attached_seen_by_all_and_detached(home: Lab) -> None:
    server, network = home.create(), second(home)
    answer = attach(home, server, net_id=str(network.id), tag="backup")
    assert answer.status_code == 200, answer.content
    said = answer.json()["interfaceAttachment"]
    port = said["port_id"]
    assert (said["net_id"], said["port_state"], said["tag"]) == (str(network.id), "DOWN", "backup")
    assert said["fixed_ips"][0]["ip_address"].startswith("10.0.1.")
    home.cloud.settle()
    assert cards(home, server)[1:] == [tap_name(port)]
    shown = home.show(server)
    assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("ACTIVE", None)
    assert [*shown["addresses"]] == ["net1", "net2"]
    one = home.send("GET", f"/servers/{server}/os-interface/{port}", version="2.96").json()
    assert (
        one
        == {"interfaceAttachment": {**said, "port_state": "ACTIVE"}}
        == {"interfaceAttachment": listed(home, server)[1]}
    )
    assert "tag" not in listed(home, server, "2.69")[1]
    row = Port.objects.get(id=port)
    assert (row.device_id, row.host, row.project_id) == (server, "h1", str(home.project.id))
    assert [group.name for group in row.security_groups.all()] == ["default"]
    assert detach(home, server, port).status_code == 202
    home.cloud.settle()
    assert (len(cards(home, server)), wires(home)) == (1, 1)
    assert not Port.objects.filter(id=port).exists()
    assert home.send("GET", f"/servers/{server}/os-interface/{port}").status_code == 404
    names = home.send("GET", f"/servers/{server}/os-instance-actions").json()["instanceActions"]
    assert [one["action"] for one in names] == ["detach_interface", "attach_interface", "create"]


def test_a_port_that_its_user_brought_is_free_again(home: Lab) -> None:
    server = home.create()
    port = str(make_port(second(home), home.context).id)
    assert attach(home, server, port_id=port).status_code == 200
    home.cloud.settle()
    assert cards(home, server)[1:] == [tap_name(port)]
    detach(home, server, port)
    home.cloud.settle()
    row = Port.objects.get(id=port)
    assert (row.device_id, row.device_owner, row.host, row.status) == ("", "", "", "DOWN")


def test_the_next_starts_have_it_and_the_guest_is_told(home: Lab) -> None:
    """Off or paused, it gets the card; after a stop and a start the guest has what it had."""
    server, network = home.create(), second(home)
    home.act(server, "os-stop")
    home.cloud.settle()
    attach(home, server, net_id=str(network.id), tag="late")
    home.cloud.settle()
    home.act(server, "os-start")
    home.cloud.settle()
    assert len(cards(home, server)) == 2
    home.act(server, "pause")
    home.cloud.settle()
    assert attach(home, server, net_id=str(network.id)).status_code == 200
    home.cloud.settle()
    assert home.show(server)["status"] == "PAUSED"
    assert len(cards(home, server)) == 3
    operation = Operation(resource_id=server, args={})
    spec = guest_spec(Run(operation, RequestContext.system(), {}), has_disks=True)
    assert [card.tap for card in spec.interfaces] == cards(home, server)
    kept = (home.cloud.directory / "h1" / "guests" / f"{server}.json").read_text()
    assert all(card.port_id in kept for card in spec.interfaces), (
        "a reboot of the host knows it too"
    )


def test_what_is_asked_wrongly_is_said(home: Lab) -> None:
    server, network = home.create(), second(home)
    stranger = make_member("member")
    theirs = make_network(RequestContext.system(project_id=str(stranger.default_project_id)))
    used = InstancePort.objects.get(instance_id=server).port_id
    net = str(network.id)

    def post(version: str = "2.96", client: Any = None, **said: Any) -> int:
        return int(attach(home, server, version=version, client=client, **said).status_code)

    found = {
        "unknown port": post(port_id=UNKNOWN),
        "unknown network": post(net_id=UNKNOWN),
        "another's network": post(net_id=str(theirs.id)),
        "port in use": post(port_id=str(used)),
        "both": post(net_id=net, port_id=str(used)),
        "address without network": post(fixed_ips=[{"ip_address": "10.0.1.7"}]),
        "two addresses": post(net_id=net, fixed_ips=[{"ip_address": "10.0.1.7"}] * 2),
        "no address": post(net_id=net, fixed_ips=[{"ip_address": "x"}]),
        "address elsewhere": post(net_id=net, fixed_ips=[{"ip_address": "10.9.1.7"}]),
        "several networks": post(),
        "no uuid": post(net_id="nonsense"),
        "tag too early": post("2.48", net_id=net, tag="x"),
        "bad tag": post(net_id=net, tag="a/b"),
        "unknown key": post(nonsense=1),
        "of nobody's server": home.send(
            "POST", f"/servers/{UNKNOWN}/os-interface", {"interfaceAttachment": {"net_id": net}}
        ).status_code,
        "stranger": post(client=client_of(stranger), net_id=net),
        "show unknown": home.send("GET", f"/servers/{server}/os-interface/{UNKNOWN}").status_code,
        "show nonsense": home.send("GET", f"/servers/{server}/os-interface/x").status_code,
        "detach unknown": detach(home, server, UNKNOWN).status_code,
        "no body": home.send("POST", f"/servers/{server}/os-interface", {}).status_code,
    }
    assert found == {
        "unknown port": 404, "unknown network": 404, "another's network": 404,
        "port in use": 409, "both": 400, "address without network": 400, "two addresses": 400,
        "no address": 400, "address elsewhere": 400, "several networks": 400, "no uuid": 400,
        "tag too early": 400, "bad tag": 400, "unknown key": 400, "of nobody's server": 404,
        "stranger": 404, "show unknown": 404, "show nonsense": 404, "detach unknown": 404,
        "no body": 400,
    }  # fmt: skip
    assert Port.objects.filter(device_id=server).count() == 1
    assert home.show(server)["OS-EXT-STS:task_state"] is None


def test_one_address_is_given_once_and_the_quota_of_ports_holds(home: Lab) -> None:
    server, network = home.create(), second(home)
    wanted: dict[str, Any] = {"net_id": str(network.id), "fixed_ips": [{"ip_address": "10.0.1.77"}]}
    assert (
        attach(home, server, **wanted).json()["interfaceAttachment"]["fixed_ips"][0]["ip_address"]
        == "10.0.1.77"
    )
    assert attach(home, server, **wanted).status_code == 409
    operator = client_of(make_member("admin"))
    path = f"/network/v2.0/quotas/{home.project.id}"
    used = Port.objects.filter(project_id=home.project.id).count()
    assert operator.send("PUT", path, {"quota": {"port": used}}).status_code == 200
    answer = attach(home, server, net_id=str(network.id))
    assert answer.status_code == 403, answer.content
    assert "forbidden" in answer.json()


def test_a_guest_that_keeps_its_card_is_said(home: Lab) -> None:
    server, network = home.create(), second(home)
    port = attach(home, server, net_id=str(network.id)).json()["interfaceAttachment"]["port_id"]
    assert detach(home, server, port).status_code == 409, "it is on its way in"
    home.cloud.settle()
    home.guests["h1"].keep_device(server, tap_name(port))
    detach(home, server, port)
    home.cloud.settle()
    assert home.show(server)["OS-EXT-STS:task_state"] is None
    assert [one["port_state"] for one in listed(home, server)] == ["ACTIVE", "ACTIVE"]
    newest = home.send("GET", f"/servers/{server}/os-instance-actions").json()["instanceActions"][0]
    log = home.send("GET", f"/servers/{server}/os-instance-actions/{newest['request_id']}").json()
    assert "does not let go of the network card" in str(log)


def test_no_free_place_gives_the_port_back(home: Lab) -> None:
    server, network = home.create(), second(home)
    for _ in range(16):
        attach(home, server, net_id=str(network.id))
    home.cloud.settle()
    assert (len(cards(home, server)), len(listed(home, server))) == (16, 16)
    assert (wires(home), Port.objects.filter(device_id=server).count()) == (16, 16)
    assert home.show(server)["OS-EXT-STS:task_state"] is None


def test_a_port_or_its_word_that_goes_takes_the_card_from_the_guest(home: Lab) -> None:
    server, network = home.create(), second(home)
    deleted, told = (
        attach(home, server, net_id=str(network.id)).json()["interfaceAttachment"]["port_id"]
        for _ in range(2)
    )
    home.cloud.settle()
    PortManager(home.context).delete(deleted)
    home.cloud.settle()
    assert cards(home, server)[1:] == [tap_name(told)]
    events = ExternalEventManager(RequestContext.system())
    key = Instance.objects.get(id=server).id
    gone = ExternalEvent(name="network-vif-deleted", server_id=key, tag=told)
    assert events.create([gone]) == [200]
    home.cloud.settle()
    assert (len(cards(home, server)), len(listed(home, server)), wires(home)) == (1, 1, 1)
    answer = home.client.send("DELETE", f"/network/v2.0/networks/{home.network.id}")
    assert answer.status_code == 409, "a network in use stays"


def test_a_suspended_server_keeps_its_cards_and_can_be_resumed(home: Lab) -> None:
    """Its memory knows them: neither detached nor by their ports' end, from when it begins to be written."""
    server = home.create()
    (port,) = [one["port_id"] for one in listed(home, server)]

    def delete() -> Any:
        return home.client.send("DELETE", f"/network/v2.0/ports/{port}")

    home.act(server, "suspend")
    refused = [delete().status_code]
    home.cloud.settle()
    refused += [detach(home, server, port).status_code, delete().status_code]
    refused += [attach(home, server, net_id=str(second(home).id)).status_code]
    assert refused == [409] * 4
    error = delete().json()["NeutronError"]
    assert (error["type"], "resume the server" in error["message"]) == (
        "PortOfSuspendedServer",
        True,
    )
    word = ExternalEvent(
        name="network-vif-deleted", server_id=Instance.objects.get(id=server).id, tag=port
    )
    with pytest.raises(NoServersOfEvents):
        ExternalEventManager(RequestContext.system()).create([word])
    assert [one["port_id"] for one in listed(home, server)] == [port]
    home.act(server, "resume")
    home.cloud.settle()
    assert (home.show(server)["status"], cards(home, server)) == ("ACTIVE", [tap_name(port)])
    assert delete().status_code == 204
    home.cloud.settle()
    assert (listed(home, server), cards(home, server)) == ([], [])


def test_a_suspended_server_goes_with_its_ports(home: Lab) -> None:
    server = home.create()
    home.act(server, "suspend")
    home.cloud.settle()
    assert home.send("DELETE", f"/servers/{server}").status_code == 204
    home.cloud.settle()
    assert not Port.objects.filter(device_owner__startswith="compute:").exists()


def test_a_hypervisor_without_it_takes_cards_of_guests_that_are_off(home: Lab) -> None:
    server, network = home.create(), second(home)
    host = Host.objects.get()
    host.capabilities = {**host.capabilities}
    del host.capabilities["interface_hot_plug"]
    host.save()
    assert attach(home, server, net_id=str(network.id)).status_code == 400
    home.act(server, "os-stop")
    home.cloud.settle()
    assert attach(home, server, net_id=str(network.id)).status_code == 200
