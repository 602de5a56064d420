"""Names and addresses of a server list are regular expressions, in time that is bounded."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from identity.models import User
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.servers import give_port, make_server

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SERVERS = "/compute/v2.1/servers"
#: Keeps a backtracking engine busy for longer than the world exists.
EVIL = "a" * 254 + "!"


@pytest.fixture
def user() -> User:
    return make_member("member")


def names(user: User, query: str) -> list[str]:
    answer = client_of(user).send("GET", f"{SERVERS}?sort_key=display_name&sort_dir=asc&{query}")
    assert answer.status_code == 200, answer.content
    return [one["name"] for one in answer.json()["servers"]]


def test_a_name_is_a_regular_expression(user: User) -> None:
    for name in ("web-1", "web-22", "web-333", "db.1", "dbx1"):
        make_server(user, name=name)
    make_server(make_member("member"), name="web-4")
    found = {
        pattern: names(user, f"name={quote(pattern, safe='')}")
        for pattern in ("web", "^web-1$", "^web-[0-9]{2,3}$", "db.1", r"db\.1", "(?i)^WEB.*3$",
                        "^(web-1|dbx1)$", "b$", r"^\S+-\d$", "")
    }  # fmt: skip
    assert found == {
        "web": ["web-1", "web-22", "web-333"],
        "^web-1$": ["web-1"],
        "^web-[0-9]{2,3}$": ["web-22", "web-333"],
        "db.1": ["db.1", "dbx1"],
        r"db\.1": ["db.1"],
        "(?i)^WEB.*3$": ["web-333"],
        "^(web-1|dbx1)$": ["dbx1", "web-1"],
        "b$": [],
        r"^\S+-\d$": ["web-1"],
        "": ["db.1", "dbx1", "web-1", "web-22", "web-333"],
    }


def test_the_classic_pattern_ends(user: User) -> None:
    """Whatever explodes in an engine that tries all ways: the answer comes all the same."""
    for name in (EVIL, "aaa"):
        make_server(user, name=name)
    assert names(user, f"name={quote('^(a+)+$')}") == ["aaa"]
    assert names(user, f"name={quote('^(a|a)*$')}") == ["aaa"]
    assert names(user, f"name={quote('^(a|aa)+$')}") == ["aaa"]
    assert names(user, f"ip={quote('(1+)+$')}") == []


def test_what_is_no_pattern_is_400(user: User) -> None:
    client = client_of(user)
    refused = ("[", "(", "a{9999}", "((a{1,99}){1,99}){1,99}", r"(a)\1", "(?=a)a", "*", "(a*)" * 99)
    queries = [f"{key}={quote(text)}" for key in ("name", "ip", "ip6") for text in refused]
    answers = {query: client.send("GET", f"{SERVERS}?{query}") for query in [*queries, "ip=1)(2"]}
    assert {query: one.status_code for query, one in answers.items()} == dict.fromkeys(answers, 400)
    said = answers["name=%5B"].json()["badRequest"]["message"]
    assert said.startswith("Invalid input for field/attribute name. Value: '['. It is no regular")


def test_pages_of_what_matches(user: User) -> None:
    """Each once, whatever lies between, with a link until the last."""
    for number in range(12):
        make_server(user, name=f"{'ab'[number % 2]}{number:02}")
    client, path = client_of(user), f"{SERVERS}?name=%5Ea%5Cd&limit=2&sort_key=display_name"
    seen: list[list[str]] = []
    while path:
        body = client.send("GET", path).json()
        seen.append([one["name"] for one in body["servers"]])
        links = body.get("servers_links")
        path = links[0]["href"].removeprefix("http://testserver") if links else ""
    assert seen == [["a10", "a08"], ["a06", "a04"], ["a02", "a00"]]


def test_addresses_are_told_from_their_start(user: User) -> None:
    network = make_network(make_context(user))
    make_subnet(network, cidr="10.1.0.0/24")
    make_subnet(network, cidr="fd00:1::/64", ip_version=6)
    for name, address in (("a", "10.1.0.5"), ("b", "10.1.0.55"), ("c", "fd00:1::5")):
        server = make_server(user, name=name)
        port = make_port(
            network,
            device_id=str(server.id),
            device_owner="compute:nova",
            fixed_ips=[{"ip_address": address}],
        )
        give_port(server, port)
    found = {
        query: names(user, query.replace("^", "%5E").replace("+", "%2B").replace("\\", "%5C"))
        for query in ("ip=10.1.0.5", "ip=^10.1.0.5$", r"ip=10\.1\.0\.", "ip=10.1.0.5+$", "ip=0.5",
                      "ip6=FD00:0001:0::5", "ip6=fd00", "ip=10&ip6=fd00", "ip=[0-9.]+$")
    }  # fmt: skip
    assert found == {
        "ip=10.1.0.5": ["a", "b"],
        "ip=^10.1.0.5$": ["a"],
        r"ip=10\.1\.0\.": ["a", "b"],
        "ip=10.1.0.5+$": ["a", "b"],
        "ip=0.5": [],
        "ip6=FD00:0001:0::5": ["c"],
        "ip6=fd00": ["c"],
        "ip=10&ip6=fd00": [],
        "ip=[0-9.]+$": ["a", "b"],
    }
