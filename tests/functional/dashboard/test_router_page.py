"""The page of one router: where it leads, what it joins, and what is done to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from network.manager import PortForwardingManager, RouterManager
from network.manager.port_forwarding import Ports
from network.models import Network, Port, Router
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_context, make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


@pytest.fixture
def outside() -> Network:
    return make_external(name="public")


def found(router: Router) -> Router:
    return Router.objects.complete().get(id=router.id)


def test_a_router_shows_all_that_leads_through_it(
    home: Lab, member: Client, outside: Network
) -> None:
    server = home.create()
    router = make_router(home.context, subnets=home.network.subnets.all(), external=outside)
    card = Port.objects.get(device_owner__startswith="compute:")
    led = make_floating_ip(home.context, outside, port_id=card.id).floating_ip_address
    spare = make_floating_ip(home.context, outside)
    inside = make_port(home.network, home.context)
    PortForwardingManager(home.context).create(
        spare.id, protocol="tcp", internal_port_id=inside.id, internal=Ports(22, 22), external=Ports(2222, 2222)
    )  # fmt: skip
    RouterManager(home.context).add_routes(
        router.id, [{"destination": "192.168.9.0/24", "nexthop": "10.0.0.77"}]
    )
    answer = member.get(f"/routers/{router.id}")
    words, html = text_of(answer), answer.content.decode()
    gateway = router.gateway.port.addresses.get().ip_address if router.gateway else ""
    assert f"public its address there {gateway}" in words
    assert "net1 10.0.0.1 on 10.0.0.0/24" in words
    assert f"{led} In use vm1" in words
    address = inside.addresses.get().ip_address
    assert f"{spare.floating_ip_address} In use TCP 2222 → {address} port 22" in words
    assert "192.168.9.0/24 by 10.0.0.77" in words
    assert "get out by the router's own address" in words
    assert "Host" not in words
    for url in (f"/servers/{server}", f"/networks/{home.network.id}", f"/networks/{outside.id}"):
        assert f'href="{url}"' in html, url
    operator = browser_of(make_member("admin", project=home.project, password=PASSWORD))
    assert f"Host {found(router).host or chr(0x2013)}" in text_of(
        operator.get(f"/routers/{router.id}")
    )


def test_others_have_no_page_of_it(home: Lab, member: Client) -> None:
    theirs = make_router(make_context())
    assert member.get(f"/routers/{theirs.id}").status_code == 404
    for path in ("edit", "gateway", "interfaces/new", "routes/new", "routes/remove", "delete"):
        assert member.post(f"/routers/{theirs.id}/{path}", {"name": "x"}).status_code == 404, path


def test_a_router_is_edited_and_led_outside(home: Lab, member: Client, outside: Network) -> None:
    router = make_router(home.context, subnets=home.network.subnets.all())
    url = f"/routers/{router.id}"
    said = {"name": "edge", "description": "for the shop"}
    assert "edge is changed" in text_of(member.post(f"{url}/edit", said, follow=True))
    assert (found(router).name, found(router).admin_state_up) == ("edge", False)
    assert "Switched off" in text_of(member.get(url))
    assert member.post(f"{url}/edit", {"name": "n" * 256}).status_code == 422
    member.post(f"{url}/gateway", {"outside": str(outside.id)})
    gateway = found(router).gateway
    assert gateway is not None
    assert gateway.network_id == outside.id
    card = make_port(home.network, home.context)
    floating = make_floating_ip(home.context, outside, port_id=card.id)
    refused = member.post(f"{url}/gateway", {"outside": ""})
    assert refused.status_code == 422
    assert "floating IP" in text_of(refused)
    for odd in ("x", str(home.network.id)):
        assert member.post(f"{url}/gateway", {"outside": odd}).status_code == 422
    floating.delete()
    assert "nowhere outside now" in text_of(member.post(f"{url}/gateway", {}, follow=True))
    assert found(router).gateway is None


def test_networks_are_joined_and_parted(home: Lab, member: Client) -> None:
    router = make_router(home.context)
    url = f"/routers/{router.id}"
    network = make_network(home.context, name="six")
    six = make_subnet(network, home.context, cidr="fd00:6::/64")
    clash = make_subnet(make_network(home.context), home.context, cidr="10.0.0.0/25")
    theirs = make_subnet(make_network(make_context()), cidr="10.3.0.0/24")
    first = home.network.subnets.get()
    for subnet in (first, six):
        answer = member.post(f"{url}/interfaces/new", {"subnet": str(subnet.id)}, follow=True)
        assert "is joined" in text_of(answer)
    wrong = {"": 422, "x": 422, str(first.id): 422, str(clash.id): 422, str(theirs.id): 422}
    answers = {
        one: member.post(f"{url}/interfaces/new", {"subnet": one}).status_code for one in wrong
    }
    assert answers == wrong
    assert found(router).router_ports.count() == 2
    part = found(router).router_ports.get(network=network)
    assert "is parted" in text_of(
        member.post(f"{url}/interfaces/{part.port_id}/remove", follow=True)
    )
    assert member.post(f"{url}/interfaces/{part.port_id}/remove").status_code == 404
    assert [one.network_id for one in found(router).router_ports.all()] == [home.network.id]


def test_routes_are_added_and_removed(home: Lab, member: Client) -> None:
    router = make_router(home.context, subnets=home.network.subnets.all())
    url = f"/routers/{router.id}/routes"
    good = {"destination": "192.168.9.1/24", "nexthop": "10.0.0.77"}
    member.post(f"{url}/new", good)
    stored = {"destination": "192.168.9.0/24", "nexthop": "10.0.0.77"}
    assert found(router).routes == [stored]
    wrong = {
        "no block": {"destination": "192.168.8.0"},
        "no address": {"nexthop": "odd"},
        "not there": {"nexthop": "10.99.0.1"},
        "its own": {"nexthop": "10.0.0.1"},
        "of both versions": {"destination": "fd00:1::/64"},
        "what it joins": {"destination": "10.0.0.0/25"},
        "nothing": {"destination": "", "nexthop": ""},
    }  # fmt: skip
    answers = {
        name: member.post(f"{url}/new", {"destination": "192.168.8.0/24", "nexthop": "10.0.0.78", **said}).status_code
        for name, said in wrong.items()
    }  # fmt: skip
    assert answers == dict.fromkeys(wrong, 422)
    assert found(router).routes == [stored]
    assert member.post(f"{url}/remove", {"destination": "odd"}).status_code == 400
    assert "is gone" in text_of(member.post(f"{url}/remove", stored, follow=True))
    assert found(router).routes == []


def test_a_router_that_is_needed_is_not_deleted(
    home: Lab, member: Client, outside: Network
) -> None:
    router = make_router(home.context, subnets=home.network.subnets.all(), external=outside)
    floating = make_floating_ip(
        home.context, outside, port_id=make_port(home.network, home.context).id
    )
    url = f"/routers/{router.id}"
    back = {"Referer": f"http://testserver{url}"}
    member.post(f"{url}/delete", headers=back)
    assert Router.objects.filter(id=router.id).exists()
    floating.delete()
    assert "r1 was deleted" in text_of(member.post(f"{url}/delete", follow=True))
    live = member.get(url, headers={"HX-Request": "true"})
    assert (live.status_code, live.headers["HX-Redirect"]) == (204, "/routers")
