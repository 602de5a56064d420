"""Networks, routers and floating IPs by clicks: from nothing to a server that is reached from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from network.exceptions.subnets import SubnetNotFound
from network.manager.private_network import PrivateNetworkManager
from network.models import FloatingIp, Network, Port, Router
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_context, make_network, make_subnet, share
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = pytest.mark.django_db(transaction=True)


def hidden(answer: Any, name: str) -> str:
    """Return what a hidden field of a page holds."""
    found = re.search(rf'type="hidden" name="{name}" value="([^"]*)"', answer.content.decode())
    return found[1] if found else ""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


@pytest.fixture
def outside(home: Lab) -> Network:
    return make_external(name="public")


def test_a_private_network_with_a_way_in_is_one_click(member: Client, outside: Network) -> None:
    form = {"name": "backend", "cidr": "10.44.0.0/24", "outside": str(outside.id)}
    answer = member.post("/networks/new", form, follow=True)
    assert "backend was created" in text_of(answer)
    network, router = Network.objects.get(name="backend"), Router.objects.get()
    assert [subnet.cidr for subnet in network.subnets.all()] == ["10.44.0.0/24"]
    assert router.router_ports.count() == 2
    assert "10.44.0.1" in text_of(member.get("/routers"))


def test_what_cannot_be_made_leaves_nothing(member: Client, outside: Network) -> None:
    for cidr in ("10.44.0.0", "odd", "10.44.0.0/24/8", "0.0.0.0/0"):
        form = {"name": "backend", "cidr": cidr, "outside": str(outside.id)}
        assert member.post("/networks/new", form).status_code == 422, cidr
    clash = {"name": "b", "cidr": outside.subnets.get().cidr, "outside": str(outside.id)}
    answer = member.post("/networks/new", clash)
    assert answer.status_code == 422
    assert "overlaps" in text_of(answer)
    assert not Network.objects.filter(name__in=("backend", "b")).exists()
    assert not Router.objects.exists()


def test_from_a_server_to_its_address_outside(member: Client, home: Lab, outside: Network) -> None:
    home.create()
    port = Port.objects.get(device_owner__startswith="compute:")
    wish = {"outside": str(outside.id), "port": str(port.id)}
    refused = member.post("/floating-ips/new", wish)
    assert refused.status_code == 422
    assert "not reachable" in text_of(refused)
    assert not FloatingIp.objects.exists()
    member.post("/routers/new", {"name": "r1", "outside": str(outside.id)})
    subnet = home.network.subnets.get()
    join = {"router": str(Router.objects.get().id), "subnet": str(subnet.id)}
    assert "joined" in text_of(member.post("/routers/join", join, follow=True))
    assert member.post("/routers/join", join).status_code == 422
    taken = member.post("/floating-ips/new", wish, follow=True)
    floating = FloatingIp.objects.get()
    assert floating.floating_ip_address in text_of(taken)
    assert "vm1" in text_of(taken)
    server = member.get(f"/servers/{port.device_id}")
    assert floating.floating_ip_address in text_of(server)
    member.post("/floating-ips", {"one": f"release {floating.id}", "agreed": "yes"})
    floating.refresh_from_db()
    assert floating.status == "DOWN"
    lead = {"floating_ip": str(floating.id), "port": str(port.id)}
    assert "leads there now" in text_of(member.post("/floating-ips/lead", lead, follow=True))


def test_a_private_network_with_internet_is_one_click(
    member: Client, home: Lab, outside: Network
) -> None:
    assert "Private network with internet" in text_of(member.get("/networks"))
    for _ in range(2):
        assert "leads outside" in text_of(member.post("/networks/private", follow=True))
    made = Network.objects.filter(name__startswith="private").order_by("name")
    assert [network.name for network in made] == ["private", "private-2"]
    blocks = {home.network.subnets.get().cidr, *(one.subnets.get().cidr for one in made)}
    assert blocks == {"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"}
    assert [router.gateway.network for router in Router.objects.all() if router.gateway] == [
        outside,
        outside,
    ]


def test_without_a_way_outside_no_network_with_internet_is_offered(member: Client) -> None:
    assert "Private network with internet" not in text_of(member.get("/networks"))
    assert member.post("/networks/private").status_code == 404
    assert not Network.objects.filter(name="private").exists()


def test_a_floating_ip_is_one_click_on_the_servers_page(
    member: Client, home: Lab, outside: Network
) -> None:
    server = f"/servers/{home.create()}"
    wish = {
        "source": f"new:{outside.id}",
        "target": hidden(member.get(server), "target"),
    }
    assert hidden(member.get(server), "source") == wish["source"]
    refused = member.post(f"{server}/floating-ip", wish)
    assert refused.status_code == 422
    assert "No router leads there yet" in text_of(refused)
    assert not FloatingIp.objects.exists()
    assert not Router.objects.exists()
    done = member.post(f"{server}/floating-ip", {**wish, "connect": "yes"}, follow=True)
    floating = FloatingIp.objects.get()
    assert f"{floating.floating_ip_address} leads to vm1." in text_of(done)
    assert f"ssh USER@{floating.floating_ip_address}" in done.content.decode()
    assert Router.objects.get().router_ports.count() == 2
    assert "Attach a floating IP" not in text_of(done)
    assert member.post(f"{server}/floating-ip", wish).status_code == 404
    url = f"{server}/floating-ip/{floating.id}/detach"
    assert member.post(url, headers={"HX-Request": "true"}).status_code == 204
    assert member.post(url).status_code == 404
    floating.refresh_from_db()
    assert floating.status == "DOWN"
    page = member.get(f"{server}/floating-ip")
    assert f"{floating.floating_ip_address} (free)" in text_of(page)
    assert "Not reachable from outside" in text_of(page)
    again = {"source": str(floating.id), "target": wish["target"]}
    assert "leads to vm1" in text_of(member.post(f"{server}/floating-ip", again, follow=True))
    assert FloatingIp.objects.count() == 1


def test_what_cannot_be_led_to_a_server_is_refused(
    member: Client, home: Lab, outside: Network
) -> None:
    server = f"/servers/{home.create()}"
    make_router(home.context, subnets=home.network.subnets.all(), external=outside)
    strange = make_floating_ip(make_context(), outside)
    target = hidden(member.get(server), "target")
    new = f"new:{outside.id}"
    cases = {
        "nothing": {},
        "another's address": {"source": str(strange.id), "target": target},
        "no external network": {"source": f"new:{home.network.id}", "target": target},
        "no port of it": {"source": new, "target": f"{strange.port_id} 10.0.0.9"},
        "no address of it": {"source": new, "target": target.partition(" ")[0] + " 10.0.0.99"},
    }
    found = {name: member.post(f"{server}/floating-ip", said) for name, said in cases.items()}
    assert {name: one.status_code for name, one in found.items()} == dict.fromkeys(cases, 422)
    assert FloatingIp.objects.count() == 1


def test_a_network_is_connected_by_the_router_that_leads_there_already(
    home: Lab, outside: Network
) -> None:
    router = make_router(home.context, external=outside)
    manager = PrivateNetworkManager(home.context)
    subnet = home.network.subnets.get()
    assert manager.connect(subnet.id, outside=outside.id) == router
    with pytest.raises(SubnetNotFound):
        PrivateNetworkManager(make_context()).connect(subnet.id, outside=outside.id)
    assert Router.objects.count() == 1


def test_a_router_is_deleted_with_its_interfaces_unless_it_is_needed(
    member: Client, home: Lab, outside: Network
) -> None:
    home.create()
    router = make_router(home.context, subnets=home.network.subnets.all(), external=outside)
    port = Port.objects.get(device_owner__startswith="compute:")
    floating = make_floating_ip(home.context, outside, port_id=port.id)
    delete = {"one": f"delete {router.id}", "agreed": "yes"}
    refused = member.post("/routers", delete)
    assert refused.status_code == 409
    assert "floating IPs" in text_of(refused)
    assert Router.objects.exists()
    member.post("/floating-ips", {"one": f"delete {floating.id}", "agreed": "yes"})
    member.post("/routers", delete)
    assert not Router.objects.exists()
    assert not FloatingIp.objects.exists()


def test_others_things_are_neither_shown_nor_offered(
    home: Lab, member: Client, outside: Network
) -> None:
    make_router(home.context, external=outside)
    make_floating_ip(home.context, outside)
    stranger = browser_of(make_member("member", password=PASSWORD))
    for path in ("/routers", "/floating-ips"):
        assert "yet" in text_of(stranger.get(path)), path
    theirs = FloatingIp.objects.get()
    member.post("/floating-ips", {"one": f"delete {theirs.id}", "agreed": "yes"})
    assert not FloatingIp.objects.exists()
    floating = make_floating_ip(home.context, outside)
    stranger.post("/floating-ips", {"one": f"delete {floating.id}", "agreed": "yes"})
    assert FloatingIp.objects.exists()


def test_a_network_that_another_project_shares_is_said_to_be(member: Client, home: Lab) -> None:
    theirs = make_subnet(make_network(name="theirs")).network
    assert "theirs" not in text_of(member.get("/networks"))
    share(theirs, target_project=home.project.pk)
    assert "shared with this project" in text_of(member.get("/networks"))
