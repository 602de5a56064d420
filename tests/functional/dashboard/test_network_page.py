"""The page of one network: what is free, who is on it, who may use it, and what is done to it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from cloudweb.context import RequestContext
from network.models import Network, RbacPolicy, Subnet
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_context, make_network, make_port, make_subnet, share
from tests.builders.routers import make_external, make_router

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


def test_a_network_shows_what_is_free_and_who_is_on_it(home: Lab, member: Client) -> None:
    server = home.create()
    network = home.network
    make_router(home.context, subnets=network.subnets.all())
    make_subnet(
        network, home.context, cidr="fd00:1::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac"
    )
    make_port(network, home.context, name="spare")
    page = member.get(f"/networks/{network.id}")
    words = text_of(page)
    # of 253 addresses of the pool the server, the spare port and DHCP have one each
    assert "250 of 253 free" in words
    assert "10.0.0.2 \N{EN DASH} 10.0.0.254" in words
    assert "fd00:1::/64 Servers make their own (SLAAC)" in words
    assert "fd00:1::1" in words
    html = page.content.decode()
    assert f'href="/servers/{server}"' in html
    assert f'href="/routers/{home.network.router_ports.get().router_id}"' in html
    assert "Nothing yet spare Down" in words
    assert "MTU 1500 bytes" in words
    assert "Segment" not in words
    assert f"#node-network-{network.id}" in html
    live = member.get(f"/networks/{network.id}", headers={"HX-Request": "true"})
    assert live.content.decode().lstrip().startswith('<div id="network"')


def test_operators_see_of_what_it_is_made(home: Lab) -> None:
    operator = RequestContext.system(project_id=str(home.project.id))
    network = make_network(operator, kind="vxlan", segmentation_id=77)
    admin = browser_of(make_member("admin", project=home.project, password=PASSWORD))
    assert "Type vxlan Segment 77" in text_of(admin.get(f"/networks/{network.id}"))


def test_what_another_project_has_shows_what_it_may(home: Lab, member: Client) -> None:
    theirs = make_context()
    shared, hidden = make_network(theirs, name="theirs"), make_network(theirs)
    subnet = make_subnet(shared, theirs, cidr="10.8.0.0/24")
    share(shared, theirs, target_project=str(home.project.id))
    outside = make_external(name="public")
    words = text_of(member.get(f"/networks/{shared.id}"))
    assert "another project's, shared with this one" in words
    assert "10.8.0.0/24 By DHCP Gateway 10.8.0.1" in words
    for said in ("free", "Delete", "Add subnet", "Shared with None"):
        assert said not in words, said
    words = text_of(member.get(f"/networks/{outside.id}"))
    assert "yes; floating IPs and routers' gateways are on it" in words
    assert "Gateway 172" not in words
    assert member.get(f"/networks/{hidden.id}").status_code == 404
    for path, body in {
        "edit": {"name": "mine", "mtu": "1400"},
        "subnets/new": {"cidr": "10.9.0.0/24"},
        "share": {"project": "x"},
        "delete": {},
        f"subnets/{subnet.id}/delete": {},
    }.items():
        answer = member.post(f"/networks/{shared.id}/{path}", body)
        assert answer.status_code in (403, 422), path
    assert [*Subnet.objects.filter(network=shared)] == [subnet]
    assert Network.objects.get(id=shared.id).name == "theirs"


def test_a_network_is_edited(home: Lab, member: Client) -> None:
    url = f"/networks/{home.network.id}/edit"
    said = {"name": "backend", "description": "for the shop", "mtu": "1400", "admin_state_up": "on"}
    assert "backend is changed" in text_of(member.post(url, said, follow=True))
    found = Network.objects.get(id=home.network.id)
    assert (found.name, found.mtu, found.admin_state_up) == ("backend", 1400, True)
    before = found.wiring_revision
    member.post(url, {**said, "description": "for the new shop"})
    found.refresh_from_db()
    assert found.wiring_revision == before  # hosts need not hear of words
    wrong = {"mtu": ("", "x", "0", "-1", "67", "70000", "9" * 40), "name": ("\0", "n" * 256)}
    for field, values in wrong.items():
        for value in values:
            assert member.post(url, {**said, field: value}).status_code == 422, (field, value)
    found.refresh_from_db()
    assert (found.name, found.mtu) == ("backend", 1400)


def test_subnets_are_added_and_deleted(home: Lab, member: Client) -> None:
    network = make_network(home.context)
    url = f"/networks/{network.id}/subnets/new"
    plain = {
        "cidr": "10.7.0.0/24",
        "gateway_ip": "10.7.0.9",
        "dns_nameservers": "9.9.9.9, 1.1.1.1",
        "enable_dhcp": "on",
    }
    assert "10.7.0.0/24 was added" in text_of(member.post(url, plain, follow=True))
    member.post(url, {"cidr": "fd00:7::/64", "enable_dhcp": "on"})
    member.post(
        url, {"cidr": "fd00:8::/64", "enable_dhcp": "on", "ipv6_ra_mode": "dhcpv6-stateful"}
    )
    member.post(url, {"cidr": "fd00:9::/64"})
    found = {
        one.cidr: (one.gateway_ip, one.dns_nameservers, one.enable_dhcp, one.ipv6_address_mode)
        for one in Subnet.objects.filter(network=network)
    }
    assert found == {
        "10.7.0.0/24": ("10.7.0.9", ["9.9.9.9", "1.1.1.1"], True, ""),
        "fd00:7::/64": ("fd00:7::1", [], True, "slaac"),
        "fd00:8::/64": ("fd00:8::1", [], True, "dhcpv6-stateful"),
        "fd00:9::/64": ("fd00:9::1", [], False, ""),
    }
    wrong = {
        "no block": {"cidr": "10.8.0.0"},
        "nothing": {"cidr": ""},
        "everything": {"cidr": "0.0.0.0/0"},
        "overlapping": {"cidr": "10.7.0.128/25"},
        "a gateway elsewhere": {"cidr": "10.8.0.0/24", "gateway_ip": "fd00::1"},
        "no gateway": {"cidr": "10.8.0.0/24", "gateway_ip": "odd"},
        "odd DNS": {"cidr": "10.8.0.0/24", "dns_nameservers": "odd"},
        "a name twice": {"cidr": "10.8.0.0/24", "dns_nameservers": "9.9.9.9 9.9.9.9"},
        "an odd mode": {"cidr": "fd00:6::/64", "ipv6_ra_mode": "odd"},
        "SLAAC of a short block": {"cidr": "fd00:6::/96", "ipv6_ra_mode": "slaac"},
    }  # fmt: skip
    answers = {
        name: member.post(url, {"enable_dhcp": "on", **said}).status_code
        for name, said in wrong.items()
    }
    assert answers == dict.fromkeys(wrong, 422)
    assert Subnet.objects.filter(network=network).count() == 4
    subnet = Subnet.objects.get(network=network, cidr="10.7.0.0/24")
    port = make_port(network, home.context)
    gone = f"/networks/{network.id}/subnets/{subnet.id}/delete"
    back = {"Referer": f"http://testserver/networks/{network.id}"}
    assert "have an IP allocation" in text_of(member.post(gone, headers=back, follow=True))
    port.addresses.all().delete()
    elsewhere = f"/networks/{home.network.id}/subnets/{subnet.id}/delete"
    assert member.post(elsewhere).status_code == 404
    assert "10.7.0.0/24 was deleted" in text_of(member.post(gone, follow=True))
    assert not Subnet.objects.filter(id=subnet.id).exists()


def test_a_network_is_shared_and_taken_back(home: Lab, member: Client) -> None:
    url, other = f"/networks/{home.network.id}/share", uuid.uuid4().hex
    assert "Shared." in text_of(member.post(url, {"project": other}, follow=True))
    policy = RbacPolicy.objects.get(target_project=other)
    assert (policy.object_id, policy.action) == (home.network.id, "access_as_shared")
    assert other in text_of(member.get(f"/networks/{home.network.id}"))
    # nobody but an operator shares with all; twice is once
    answers = [member.post(url, {"project": one}).status_code for one in (other, "", "*", "x" * 65)]
    assert answers == [422] * 4
    assert RbacPolicy.objects.filter(object_id=home.network.id).count() == 1
    elsewhere = make_network(home.context)
    assert member.post(f"/networks/{elsewhere.id}/share/{policy.id}/end").status_code == 404
    member.post(f"{url}/{policy.id}/end")
    assert not RbacPolicy.objects.filter(id=policy.id).exists()


def test_a_network_in_use_is_not_deleted(home: Lab, member: Client) -> None:
    home.create()
    url = f"/networks/{home.network.id}"
    answer = member.post(
        f"{url}/delete", headers={"Referer": f"http://testserver{url}"}, follow=True
    )
    assert "ports still in use" in text_of(answer)
    network = make_network(home.context, name="short-lived")
    make_subnet(network, home.context, cidr="10.5.0.0/24")
    answer = member.post(f"/networks/{network.id}/delete", follow=True)
    assert "short-lived was deleted" in text_of(answer)
    live = member.get(f"/networks/{network.id}", headers={"HX-Request": "true"})
    assert (live.status_code, live.headers["HX-Redirect"]) == (204, "/networks")
