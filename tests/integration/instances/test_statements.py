"""How many statements servers cost: a list of fifty no more than one of five."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from operator import gt
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from cloudweb.database.locks import has_row_locks
from instances.models import Instance
from network.models import Network
from tests.builders.identity import client_of, make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.servers import give_port, make_server

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
#: Token and revocations, the page, four for the ports of all its servers, and one for their volumes.
LIST = 8
#: Statements, BEGIN and COMMIT among them, and transactions that write; one of the POST's is the audit log's.
COSTS = {
    "POST": (17, 2),
    "boot": (86, 3),  # one asks which networks a router joins, one what they need of a host
    "what its neighbours are told": (45, 10),  # with the reports of its host
    "POST of os-stop": (9, 2),
    "POST of os-start": (9, 2),
    "os-stop": (20, 2),
    "os-start": (51, 3),
    # three ask for floating IPs, forwardings and routers, two for volumes, three for cards on their way
    "delete": (81, 3),
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def add_servers(user: Any, network: Network, count: int) -> None:
    for _ in range(count):
        server = make_server(user)
        port = make_port(
            network,
            project_id=user.default_project_id,
            device_id=str(server.id),
            device_owner="compute:nova",
        )
        give_port(server, port)


def test_a_long_list_costs_no_more_statements_than_a_short_one() -> None:
    user = make_member("member")
    network = make_network(name="net1")
    make_subnet(network)
    client, counts = client_of(user), []
    client.send("GET", "/compute/v2.1/servers/detail")  # what a connection asks once is not counted
    for more in (5, 45):
        add_servers(user, network, more)
        with CaptureQueriesContext(connection) as asked:
            answer = client.send("GET", "/compute/v2.1/servers/detail")
        counts.append(len(asked))
    assert len(answer.json()["servers"]) == 50
    assert all(one["addresses"] for one in answer.json()["servers"])
    assert counts == [LIST, LIST], asked.captured_queries


@pytest.mark.parametrize("role", ["member", "admin"])
def test_a_list_makes_no_models_and_says_what_a_page_of_one_says(role: str) -> None:
    user = make_member(role)
    network = make_network(name="net1")
    make_subnet(network)
    add_servers(user, network, 3)
    client, made = client_of(user), Counter[str]()

    def count(sender: Any, **_: Any) -> None:
        made[sender.__name__] += 1

    for version in ("2.1", "2.96"):
        headers = {"OpenStack_API_Version": f"compute {version}"}
        post_init.connect(count)
        try:
            listed = client.send("GET", "/compute/v2.1/servers/detail", **headers).json()["servers"]
            briefly = client.send("GET", "/compute/v2.1/servers", **headers).json()["servers"]
        finally:
            post_init.disconnect(count)
        assert not made.keys() & {"Instance", "Port", "PortAddress", "Network", "SecurityGroup"}
        for whole, brief in zip(listed, briefly, strict=True):
            one = client.send("GET", f"/compute/v2.1/servers/{whole['id']}", **headers)
            shown = one.json()["server"]
            shown.pop("server_groups", None)  # of one server alone
            assert whole == shown
            assert brief == {key: shown[key] for key in ("id", "name", "links")}


def cost_of(act: Callable[[], object]) -> tuple[int, int]:
    """Return how many statements something costs, and how many transactions that write."""
    with CaptureQueriesContext(connection) as asked:
        act()
    told = [query["sql"] for query in asked.captured_queries]
    inside, writes = False, 0
    for sql in told:
        if sql.startswith("BEGIN"):
            inside = True
        elif sql == "COMMIT":
            inside, writes = False, writes + 1
        elif not inside and sql.startswith(("INSERT", "UPDATE", "DELETE")):
            writes += 1
    return len(told), writes


def test_several_servers_are_accepted_by_the_statements_of_one(home: Lab) -> None:
    home.create()  # default group, quota row: what only the first one makes
    costs = [
        cost_of(partial(home.create, settle=False, min_count=count, max_count=count))
        for count in (1, 5)
    ]
    assert costs[0] == costs[1]
    home.cloud.settle()
    assert Instance.objects.filter(vm_state="active").count() == 7


def test_a_server_s_life(home: Lab) -> None:
    """Until it is ACTIVE, and the rest of its life; its host's reports and what is told later come on top."""
    home.create()  # default group, quota row: what only the first one makes
    pump, costs = home.cloud.pump, {}
    costs["POST"] = cost_of(lambda: home.create(settle=False, name="vm2"))
    costs["boot"] = cost_of(pump)
    server = str(Instance.objects.get(name="vm2").id)
    assert home.show(server)["status"] == "ACTIVE"
    costs["what its neighbours are told"] = cost_of(home.cloud.settle)
    for action in ("os-stop", "os-start"):
        costs[f"POST of {action}"] = cost_of(partial(home.act, server, action))
        costs[action] = cost_of(pump)
    assert home.show(server)["status"] == "ACTIVE"
    home.client.send("DELETE", f"/compute/v2.1/servers/{server}")
    costs["delete"] = cost_of(pump)
    assert home.client.send("GET", f"/compute/v2.1/servers/{server}").status_code == 404
    # On PostgreSQL others may come between: it is asked for locks, and claims are seen before a refresh looks.
    more, claims = (7, 2) if has_row_locks() else (0, 0)
    allowed = {what: (asked + more, writes + claims) for what, (asked, writes) in COSTS.items()}
    assert costs.keys() == allowed.keys()
    over = {what: cost for what, cost in costs.items() if any(map(gt, cost, allowed[what]))}
    assert not over, (over, allowed)
