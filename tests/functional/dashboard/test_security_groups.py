"""Security groups by clicks: what is let pass in sentences, presets, and the groups of a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from network.manager import AddressGroupManager
from network.models import Port, SecurityGroup, SecurityGroupRule
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_context, make_group

pytestmark = pytest.mark.django_db(transaction=True)
OWN = "198.51.100.7"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    client = browser_of(make_member("member", project=home.project, password=PASSWORD))
    client.defaults["REMOTE_ADDR"] = OWN
    return client


@pytest.fixture
def web(home: Lab) -> SecurityGroup:
    return make_group(home.context)


def add(client: Client, group: SecurityGroup, /, **said: Any) -> Any:
    wish = {"what": "ssh", "whom": "world", "direction": "ingress", **said}
    return client.post(f"/security-groups/{group.id}/rules/new", wish, follow=True)


def rules(group: SecurityGroup) -> set[tuple[Any, ...]]:
    rows = SecurityGroupRule.objects.filter(security_group=group, direction="ingress")
    columns = ("ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix")
    return {*rows.values_list(*columns)}


def test_a_group_is_made_named_and_deleted(home: Lab, member: Client) -> None:
    made = member.post("/security-groups/new", {"name": "shop", "description": "Of the shop"})
    group = SecurityGroup.objects.get(name="shop")
    assert made.url == f"/security-groups/{group.id}"
    page = text_of(member.get(made.url))
    assert "Nobody can reach its members." in page
    assert "Its members can reach everything, anywhere." in page
    assert "Of the shop" in page
    member.post(f"/security-groups/{group.id}/edit", {"name": "store", "description": ""})
    listed = text_of(member.get("/security-groups"))
    assert "store" in listed
    assert "Members of group default can reach everything." in listed
    again = member.post("/security-groups/new", {"name": "default"})
    assert again.status_code == 422
    assert "already exists" in text_of(again)
    member.post("/security-groups", {"one": f"delete {group.id}", "agreed": "yes"})
    assert not SecurityGroup.objects.filter(id=group.id).exists()
    default = SecurityGroup.objects.get(name="default")
    page = member.get("/security-groups").content.decode()
    assert f'value="delete {default.id}"' in page
    assert page.split(f'value="delete {default.id}"')[1].split(">")[0].endswith("disabled")


def test_presets_are_one_choice_and_ones_own_address_is_one_click(
    home: Lab, member: Client, web: SecurityGroup
) -> None:
    both = ("IPv4", "IPv6")
    cases: dict[str, tuple[dict[str, Any], set[tuple[Any, ...]]]] = {
        "ssh": ({}, {(one, "tcp", 22, 22, "") for one in both}),
        "me": ({"whom": "mine"}, {("IPv4", "tcp", 22, 22, OWN)}),
        "database": ({"what": "postgresql"}, {(one, "tcp", 5432, 5432, "") for one in both}),
        "ping": ({"what": "ping"}, {(one, "icmp", None, None, "") for one in both}),
        "all": ({"what": "all"}, {(one, "", None, None, "") for one in both}),
        "ports": (
            {"what": "udp", "ports": "8000 - 8100", "whom": "block", "block": "2001:db8::1/64"},
            {("IPv6", "udp", 8000, 8100, "2001:db8::/64")},
        ),
        "protocol": (
            {"what": "protocol", "protocol": "vrrp", "whom": "block", "block": "192.0.2.9"},
            {("IPv4", "vrrp", None, None, "192.0.2.9/32")},
        ),
        "of ipv6 alone": (
            {"what": "protocol", "protocol": "ipv6-icmp"},
            {("IPv6", "ipv6-icmp", None, None, "")},
        ),
    }
    found = {}
    for name, (said, _) in cases.items():
        SecurityGroupRule.objects.filter(direction="ingress").delete()
        assert add(member, web, **said).status_code == 200, name
        found[name] = rules(web)
    assert found == {name: expected for name, (_, expected) in cases.items()}


def test_what_cannot_be_let_pass_is_said_at_its_field(
    home: Lab, member: Client, web: SecurityGroup
) -> None:
    other = make_group(home.context, name="other")
    add(member, web)
    cases = {
        "twice": ({}, "let pass already"),
        "no ports": ({"what": "tcp"}, "Write a port"),
        "odd ports": ({"what": "tcp", "ports": "22-"}, "Write a port"),
        "upside down": ({"what": "tcp", "ports": "90-80"}, "Write a port"),
        "too high": ({"what": "udp", "ports": "70000"}, "Write a port"),
        "odd block": ({"whom": "block", "block": "fd00::5%x"}, "Write an address"),
        "no block": ({"whom": "block"}, "Write an address"),
        "no group": ({"whom": "group"}, "Choose a group"),
        "no list": ({"whom": "addresses"}, "Choose a list"),
        "strange list": ({"whom": "addresses", "addresses": "x"}, "choose again"),
        "strange group": ({"whom": "group", "group": "x"}, "choose again"),
        "no protocol": ({"what": "protocol"}, "Write a protocol"),
        "odd protocol": ({"what": "protocol", "protocol": "x"}, "protocol x"),
        "odd choice": ({"what": "gold"}, "not one of the available choices"),
        "direction": ({"direction": "up"}, "not one of the available choices"),
    }
    before = rules(web)
    answers = {name: add(member, web, **said) for name, (said, _) in cases.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        cases, 422
    )
    missing = [name for name, (_, text) in cases.items() if text not in text_of(answers[name])]
    assert missing == []
    assert rules(web) == before
    assert add(member, web, whom="group", group=str(other.id)).status_code == 200
    assert "Members of group other can reach SSH (port 22)." in text_of(
        member.get(f"/security-groups/{web.id}")
    )


def test_a_list_of_addresses_is_let_in_by_its_name(
    home: Lab, member: Client, web: SecurityGroup
) -> None:
    url = f"/security-groups/{web.id}"
    assert 'value="addresses"' not in member.get(url).content.decode()  # there is none to choose
    lists = AddressGroupManager(home.context)
    offices = lists.create(name="offices", addresses=["198.51.100.0/24", "2001:db8::/32"])
    strange = AddressGroupManager(make_context()).create(name="strange")
    page = member.get(url).content.decode()
    assert str(offices.id) in page
    assert str(strange.id) not in page
    assert add(member, web, whom="addresses", addresses=str(offices.id)).status_code == 200
    found = SecurityGroupRule.objects.filter(security_group=web, remote_address_group=offices)
    assert {*found.values_list("ethertype", flat=True)} == {"IPv4", "IPv6"}
    assert "offices" in text_of(member.get(url))
    assert add(member, web, whom="addresses", addresses=str(strange.id)).status_code == 422


def test_an_address_that_means_nothing_elsewhere_is_not_offered(
    home: Lab, member: Client, web: SecurityGroup
) -> None:
    url = f"/security-groups/{web.id}"
    assert 'value="mine"' in member.get(url).content.decode()
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "", "unix:"):
        member.defaults["REMOTE_ADDR"] = address
        assert 'value="mine"' not in member.get(url).content.decode(), address
        assert add(member, web, whom="mine").status_code == 422, address
    member.defaults["REMOTE_ADDR"] = f"::ffff:{OWN}"
    add(member, web, whom="mine")
    assert "Your address (198.51.100.7) can reach SSH" in text_of(member.get(url))


def test_what_is_open_to_the_world_is_warned_of(
    home: Lab, member: Client, web: SecurityGroup
) -> None:
    add(member, web, what="https")
    assert "tone-danger" not in member.get("/security-groups").content.decode()
    add(member, web, what="ssh")
    assert "Open to all" in text_of(member.get("/security-groups"))
    add(member, web, what="redis")
    assert "Wide open" in text_of(member.get("/security-groups"))
    page = member.get(f"/security-groups/{web.id}")
    assert "Redis belongs inside" in text_of(page)
    assert "Strangers will try to log in" in text_of(page)
    redis = {*SecurityGroupRule.objects.filter(port_range_min=6379).values_list("id", flat=True)}
    [key] = [
        "+".join(map(str, order))
        for order in ([*redis], [*redis][::-1])
        if "+".join(map(str, order)) in page.content.decode()
    ]
    asked = member.post(f"/security-groups/{web.id}", {"one": f"delete {key}"})
    assert "Redis (port 6379) for anyone on the internet" in text_of(asked)
    member.post(f"/security-groups/{web.id}", {"one": f"delete {key}", "agreed": "yes"})
    assert not SecurityGroupRule.objects.filter(port_range_min=6379).exists()
    assert SecurityGroupRule.objects.filter(port_range_min=22).count() == 2
    gone = member.post(f"/security-groups/{web.id}", {"one": f"delete {key}", "agreed": "yes"})
    assert gone.status_code == 404


def test_rules_are_found_and_narrowed(home: Lab, member: Client, web: SecurityGroup) -> None:
    for what in ("https", "postgresql"):
        add(member, web, what=what)
    url = f"/security-groups/{web.id}"

    def rows(query: str) -> int:
        page = member.get(f"{url}?{query}", headers={"HX-Request": "true"}).content.decode()
        return page.count('<th scope="row"')

    found = {q: rows(q) for q in ("", "q=postgres", "q=5432", "way=out", "way=in", "q=nothing")}
    assert found == {"": 3, "q=postgres": 1, "q=5432": 1, "way=out": 1, "way=in": 2, "q=nothing": 0}


def test_a_server_joins_and_leaves_groups_on_its_page(
    home: Lab, member: Client, web: SecurityGroup
) -> None:
    server = f"/servers/{home.create()}"
    add(member, web, what="https")
    assert "Members of group default can reach everything." in text_of(member.get(server))
    member.post(f"{server}/groups", {"group": str(web.id)})
    member.post(f"{server}/groups", {"group": str(web.id)})
    page = text_of(member.get(server))
    assert "Anyone on the internet can reach HTTPS (port 443)." in page
    assert "vm1 can reach everything, anywhere." in page
    assert "vm1" in text_of(member.get(f"/security-groups/{web.id}"))
    port = Port.objects.get(device_owner__startswith="compute:")
    default = port.security_groups.get(name="default")
    assert "1 port" in text_of(member.get("/security-groups?q=web"))
    for group in (web, default):
        answer = member.post(f"{server}/groups/{group.id}/detach", headers={"HX-Request": "true"})
        assert answer.status_code == 204
    page = text_of(member.get(server))
    assert "Nobody can reach vm1." in page
    assert "vm1 can reach nothing; only answers leave." in page
    type(port).objects.filter(id=port.id).update(port_security_enabled=False)
    assert "Nothing is filtered" in text_of(member.get(server))
    refused = member.post(
        f"{server}/groups", {"group": str(web.id)}, headers={"HX-Request": "true"}
    )
    assert refused.status_code == 400


def test_another_projects_group_is_not_there(home: Lab, member: Client) -> None:
    server = f"/servers/{home.create()}"
    stranger = make_member("member", password=PASSWORD)
    theirs = SecurityGroup.objects.create(project_id=stranger.default_project_id, name="theirs")
    url = f"/security-groups/{theirs.id}"
    answers = {
        "page": member.get(url),
        "edit": member.post(f"{url}/edit", {"name": "x"}),
        "rule": add(member, theirs),
        "join": member.post(f"{server}/groups", {"group": str(theirs.id)}),
        "nothing": member.post(f"{server}/groups", {"group": "x\x00"}),
        "leave": member.post(f"{server}/groups/{theirs.id}/detach"),
    }
    assert {name: one.status_code for name, one in answers.items()} == dict.fromkeys(answers, 404)
    member.post("/security-groups", {"one": f"delete {theirs.id}", "agreed": "yes"})
    assert SecurityGroup.objects.filter(id=theirs.id).exists()
    assert "theirs" not in text_of(member.get("/security-groups"))
