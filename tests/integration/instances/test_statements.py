"""How many statements servers cost: a list of fifty no more than one of five."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from instances.models import Instance
from network.models import Network
from tests.builders.identity import client_of, make_member
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.servers import make_server

pytestmark = pytest.mark.django_db(transaction=True)
#: Token and revocations, the page, and three for the ports of all its servers.
LIST = 5
CREATE = 21  # one of them the audit log's
BOOT = 191  # one of them compares what the host has with what its servers should be


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
        Instance.objects.filter(id=server.id).update(ports=[{"id": str(port.id), "ours": True}])


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


def test_a_create_and_its_boot(home: Lab) -> None:
    home.create()  # default group, quota row: what only the first one makes
    with CaptureQueriesContext(connection) as asked:
        home.create(settle=False, name="vm2")
        create = len(asked)
    with CaptureQueriesContext(connection) as asked:
        home.cloud.settle()
        boot = len(asked)
    assert home.show(str(Instance.objects.get(name="vm2").id))["status"] == "ACTIVE"
    assert create <= CREATE
    assert boot <= BOOT
