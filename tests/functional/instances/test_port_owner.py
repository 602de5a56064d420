"""Whose port is it? What a port says of its device opens nothing; the server's own rows decide."""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.events import emit
from instances.models import Instance
from network.events import MilestoneReached
from network.manager import NetworkManager
from network.models import Port
from network.objects import PortMilestone
from operations.conductor import key_of
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    make_context,
    make_member,
    make_project,
)
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_network, make_subnet

pytestmark = pytest.mark.django_db(transaction=True)
PORTS = "/network/v2.0/ports"
SECRET = "IyEvYmluL3NoCmVjaG8gc2VjcmV0"  # "#!/bin/sh echo secret"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def ask(client: Any, port: Port, *, path: str = "/openstack/latest/meta_data.json") -> Any:
    """Ask the metadata service as the host's proxy does for a guest at the port's address."""
    address = port.addresses.get().ip_address
    stamp = str(int(time.time()))
    said = f"h1\n{port.network_id}\n{address}\n{stamp}\n{path}"
    signature = hmac.new(key_of("h1"), said.encode(), hashlib.sha256).hexdigest()
    return client.get(
        f"/metadata{path}",
        headers={
            "X-Cloudweb-Host": "h1",
            "X-Cloudweb-Network": str(port.network_id),
            "X-Cloudweb-Address": address,
            "X-Cloudweb-Timestamp": stamp,
            "X-Cloudweb-Signature": signature,
        },
    )


def mallory_with_a_server(home: Lab) -> tuple[ApiClient, Instance, Port]:
    """Return another project's member, its server on the same host and its port."""
    user = make_member("member", project=make_project())
    network = make_network(make_context(user), name="theirs")
    make_subnet(network)
    client = client_of(user)
    body = home.body(name="mallory", networks=[{"uuid": str(network.id)}])
    home.image.__class__.objects.filter(id=home.image.id).update(visibility="public")
    answer = client.send("POST", "/compute/v2.1/servers", body)
    assert answer.status_code == 202, answer.content
    home.cloud.settle()
    instance = Instance.objects.get(id=answer.json()["server"]["id"])
    return client, instance, Port.objects.get(device_id=str(instance.id))


def test_a_port_that_names_anothers_server_gets_nothing_of_it(home: Lab, client: Any) -> None:
    victim = home.create(user_data=SECRET)
    mallory, own, port = mallory_with_a_server(home)
    assert ask(client, port).json()["uuid"] == str(own.id)
    said = {
        spelling: mallory.send(
            "PUT", f"{PORTS}/{port.id}", {"port": {"device_id": spelling}}
        ).status_code
        for spelling in (victim, victim.upper(), victim.replace("-", ""), f"urn:uuid:{victim}")
    }
    assert set(said.values()) == {409}  # the port is bound
    # and if it were written all the same, by an older version or somebody with the database
    Port.objects.filter(id=port.id).update(device_id=victim)
    assert ask(client, port).status_code == 404
    assert ask(client, port, path="/openstack/latest/user_data").status_code == 404
    mine = Port.objects.filter(device_id=victim).exclude(id=port.id).get()
    assert (
        ask(client, mine, path="/openstack/latest/user_data").content == b"#!/bin/sh\necho secret"
    )


def test_a_port_of_another_host_is_not_that_hosts_to_ask_for(home: Lab, client: Any) -> None:
    server = home.create()
    port = Port.objects.get(device_id=server)
    assert ask(client, port).status_code == 200
    Port.objects.filter(id=port.id).update(host="h2")
    assert ask(client, port).status_code == 404


def test_what_a_tenant_may_say_of_a_ports_device(home: Lab) -> None:
    victim = home.create()
    mallory, own, bound = mallory_with_a_server(home)
    network = str(bound.network_id)
    free = mallory.send("POST", PORTS, {"port": {"network_id": network}}).json()["port"]["id"]
    admin = client_with("admin")
    make_subnet(bound.network, cidr="10.99.0.0/24", gateway_ip=None)
    dhcp = Port.objects.get(network=bound.network, device_owner="network:dhcp").id

    def change(port: Any, by: ApiClient = mallory, **values: str) -> Any:
        return by.send("PUT", f"{PORTS}/{port}", {"port": values}).status_code

    found = {
        "another's server": change(free, device_id=victim),
        "another's, spelled otherwise": change(free, device_id=f"{{{victim.upper()}}}"),
        "another's, at once": mallory.send(
            "POST", PORTS, {"port": {"network_id": network, "device_id": victim}}
        ).status_code,
        "nobody's": change(free, device_id=str(uuid.uuid4()), device_owner="compute:x"),
        "no server at all": change(free, device_id="my-appliance"),
        "own server": change(free, device_id=str(own.id)),
        "nothing again": change(free, device_id="", device_owner=""),
        "bound: device": change(bound.id, device_id=""),
        "bound: owner": change(bound.id, device_owner="mine"),
        "bound: as it is": change(bound.id, device_id=str(own.id), name="renamed"),
        "bound: by an admin": change(bound.id, admin, device_owner="compute:elsewhere"),
        "the cloud's own": change(dhcp, device_owner=""),
        "the cloud's own, its name": change(dhcp, name="renamed"),
    }
    assert found == {
        "another's server": 403,
        "another's, spelled otherwise": 403,
        "another's, at once": 403,
        "nobody's": 200,
        "no server at all": 200,
        "own server": 200,
        "nothing again": 200,
        "bound: device": 409,
        "bound: owner": 409,
        "bound: as it is": 200,
        "bound: by an admin": 200,
        "the cloud's own": 409,
        "the cloud's own, its name": 200,
    }


def test_nothing_of_a_server_follows_a_port_that_only_claims_it(home: Lab, client: Any) -> None:
    victim = home.create()
    before = home.show(victim)
    _mallory, own, port = mallory_with_a_server(home)
    Port.objects.filter(id=port.id).update(device_id=victim)
    admin = client_with("admin")
    shown = admin.send("GET", f"/compute/v2.1/servers/{victim}").json()["server"]
    assert shown["addresses"].keys() == before["addresses"].keys()
    cards = admin.send("GET", f"/compute/v2.1/servers/{victim}/os-interface").json()
    assert len(cards["interfaceAttachments"]) == 1
    address = port.addresses.get().ip_address
    listed = admin.send("GET", f"/compute/v2.1/servers?all_tenants=1&ip={address}").json()
    assert victim not in {one["id"] for one in listed["servers"] if one["name"] == "mallory"}
    seen = PortMilestone(
        network_id=str(port.network_id), port_id=str(port.id), kind="metadata", at=1.0
    )
    emit(MilestoneReached("h1", seen))
    assert Instance.objects.get(id=victim).milestones.get("metadata") != 1.0
    # its server still finds it by its own rows, and takes it along when it goes
    assert admin.send("DELETE", f"/compute/v2.1/servers/{own.id}").status_code == 204
    home.cloud.settle()
    assert not Port.objects.filter(id=port.id).exists()
    assert home.show(victim)["addresses"] == before["addresses"]


def test_a_server_gets_no_port_its_caller_could_not_make(home: Lab) -> None:
    """Fixed addresses of a network that is only shared, networks of others, groups of others."""
    system = RequestContext.system(project_id=make_project().pk)
    shared = make_network(system, name="shared", shared=True)
    make_subnet(shared, cidr="10.50.0.0/24")
    foreign = make_network(system, name="foreign")
    make_subnet(foreign, cidr="10.60.0.0/24")
    outside = make_network(system, name="outside", external=True)
    make_subnet(outside, cidr="10.70.0.0/24")
    home.cloud.settle()

    def both(client: ApiClient, network: Any, address: str | None) -> tuple[int, int]:
        wish = {"uuid": str(network.id)} | ({"fixed_ip": address} if address else {})
        server = client.send("POST", "/compute/v2.1/servers", home.body(networks=[wish]))
        fixed = {"fixed_ips": [{"ip_address": address}]} if address else {}
        port = client.send("POST", PORTS, {"port": {"network_id": str(network.id), **fixed}})
        return port.status_code, server.status_code

    admin = client_with("admin", project=home.project)
    found = {
        "shared, an address": both(home.client, shared, "10.50.0.77"),
        "shared": both(home.client, shared, None),
        "own, an address": both(home.client, home.network, "10.0.0.77"),
        "foreign": both(home.client, foreign, None),
        "outside": both(home.client, outside, None),
        "admin: shared, an address": both(admin, shared, "10.50.0.78"),
    }
    assert found == {
        "shared, an address": (403, 403),
        "shared": (201, 202),
        "own, an address": (201, 202),
        "foreign": (404, 400),
        "outside": (403, 403),
        "admin: shared, an address": (201, 202),
    }


def test_the_rights_at_the_time_of_the_call_decide_in_the_operation_too(home: Lab) -> None:
    """A network that was unshared meanwhile: the cloud makes no port on it for the tenant."""
    system = RequestContext.system(project_id=make_project().pk)
    shared = make_network(system, name="shared", shared=True)
    make_subnet(shared, cidr="10.50.0.0/24")
    answer = home.client.send(
        "POST", "/compute/v2.1/servers", home.body(networks=[{"uuid": str(shared.id)}])
    )
    server_id = answer.json()["server"]["id"]
    NetworkManager(system).update(shared.id, shared=False)
    home.cloud.settle()
    assert home.show(server_id)["status"] == "ERROR"
    assert not Port.objects.filter(network=shared).exists()


def test_a_server_that_names_no_network_gets_its_projects_own(home: Lab) -> None:
    """What is shared counts for projects without a network alone; among several of a kind: 409."""
    system = RequestContext.system(project_id=make_project().pk)
    for number in (1, 2):
        make_subnet(make_network(system, name=f"shared{number}", shared=True, external=True))
    unnamed = home.body(networks=None)
    assert home.client.send("POST", "/compute/v2.1/servers", unnamed).status_code == 202
    home.cloud.settle()
    (instance,) = Instance.objects.all()
    assert [port.network_id for port in instance.ports.all()] == [home.network.id]
    make_subnet(make_network(home.context, name="net2"))
    refused = home.client.send("POST", "/compute/v2.1/servers", unnamed)
    assert refused.status_code == 409
    assert "Multiple possible networks" in refused.json()["conflictingRequest"]["message"]
    stranger = client_with("member")
    home.image.__class__.objects.filter(id=home.image.id).update(visibility="public")
    assert stranger.send("POST", "/compute/v2.1/servers", unnamed).status_code == 409
