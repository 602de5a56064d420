"""Path traces through their API: the facts are those of the database, and nothing of others is in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from cloudweb.driver import DriverError
from cloudweb.rpc import Order
from network import states
from network.models import Network, Port, Router, Subnet
from network.trace.objects import PathQuestion, PathSeen, Sighting
from operations.asking import HostDidNotAnswer, ask_all
from tests.builders.identity import ApiClient
from tests.builders.networks import make_agent, make_network, make_port, make_subnet
from tests.builders.routers import make_floating_ip, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
TRACES = "/network/v2.0/path-traces"
RULES = "/network/v2.0/security-group-rules"
SERVER = str(uuid.uuid4())


@dataclass
class Hosts:
    """Hosts that see all as it should be, except what a test says; ``silent`` ones do not answer."""

    asked: list[tuple[str, PathQuestion]] = field(default_factory=list)
    wrong: dict[str, bool | None] = field(default_factory=dict)  # by kind
    silent: set[str] = field(default_factory=set)

    def ask_all(self, orders: Sequence[Order], *, timeout: float) -> list[Any]:
        return [self._ask(order) for order in orders]

    def _ask(self, order: Order) -> Any:
        question = order.payload
        assert isinstance(question, PathQuestion)
        self.asked.append((order.host, question))
        if order.host in self.silent:
            return HostDidNotAnswer()
        seen = [
            Sighting(kind=kind, about=about, passes=self.wrong.get(kind, True), source="kernel",
                     detail="tapx")
            for kind, about in _all_of(question)
        ]  # fmt: skip
        return PathSeen(at=1.0, sightings=tuple(seen)).dump()


def _all_of(question: PathQuestion) -> Iterator[tuple[str, str]]:
    for look in question.ports:
        yield from ((kind, look.port_id) for kind in ("tap", "card", "lease", "filters"))
    yield from (("way", look.mac) for look in question.ways)
    yield from (("router", one) for one in question.routers)


@pytest.fixture(autouse=True)
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Answer what hosts are asked."""
    made = Hosts()
    monkeypatch.setattr("network.trace.asking.ask_all", made.ask_all)
    return made


@pytest.fixture
def server(context: RequestContext, subnet: Subnet) -> Port:
    """A server's port that its host has."""
    make_agent("h1")
    return plugged(subnet, context, device_id=SERVER)


def plugged(subnet: Subnet, context: RequestContext, **values: Any) -> Port:
    port = make_port(subnet.network, context, host="h1", device_owner="compute:nova", **values)
    Port.objects.filter(id=port.id).update(
        status=states.ACTIVE, applied_revision=port.wiring_revision
    )
    return port


def made_current() -> None:
    for row in (*Port.objects.exclude(host=""), *Router.objects.all()):
        type(row).objects.filter(id=row.id).update(host="h1", applied_revision=row.wiring_revision)


def asked(client: ApiClient, **body: Any) -> Any:
    return client.send("POST", TRACES, {"path_trace": body})


def traced(client: ApiClient, **body: Any) -> dict[str, Any]:
    answer = asked(client, **body)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()["path_trace"]
    return found


def end_of(trace: dict[str, Any]) -> tuple[str, str]:
    place = trace["stopped_at"]
    return trace["verdict"], trace["hops"][-1 if place is None else place]["kind"]


def test_from_outside_until_it_reaches(
    member: ApiClient, context: RequestContext, server: Port, subnet: Subnet, external: Network
) -> None:
    wish = {"destination_server_id": SERVER, "protocol": "tcp", "port": 22}
    trace = traced(member, **wish)
    assert end_of(trace) == ("stopped", "outside")
    hop = trace["hops"][0]
    assert (hop["resource_type"], hop["resource_id"]) == ("port", str(server.id))
    assert "floating IP" in hop["remedy"]
    router = make_router(context, subnets=[subnet], external=external)
    floating = make_floating_ip(context, external, port_id=server.id)
    assert end_of(traced(member, **wish))[1] == "router"
    made_current()
    trace = traced(member, **wish)
    assert trace["destination_address"] == floating.floating_ip_address
    assert end_of(trace) == ("stopped", "security_groups")
    assert "TCP 22" in trace["hops"][trace["stopped_at"]]["text"]
    group = server.security_groups.get()
    rule = {"security_group_id": str(group.id), "direction": "ingress", "protocol": "tcp",
            "port_range_min": 22, "port_range_max": 22}  # fmt: skip
    assert member.send("POST", RULES, {"security_group_rule": rule}).status_code == 201
    trace = traced(member, **wish)
    assert end_of(trace) == ("unknown", "revision")  # the host does not know it yet
    made_current()
    trace = traced(member, **wish)
    assert end_of(trace) == ("reaches", "destination")
    assert [hop["resource_id"] for hop in trace["hops"] if hop["kind"] == "router"] == [
        str(router.id)
    ]
    assert end_of(traced(member, destination_address=floating.floating_ip_address, protocol="udp",
                         port=22)) == ("stopped", "security_groups")  # fmt: skip


def test_between_servers_by_their_groups_members(
    member: ApiClient, admin: ApiClient, context: RequestContext, server: Port, subnet: Subnet
) -> None:
    other = plugged(subnet, context)
    far = plugged(make_subnet(make_network(context), context, cidr="10.9.0.0/24"), context)
    made_current()
    wish = {"source_server_id": SERVER, "protocol": "icmp"}
    trace = traced(member, destination_port_id=str(other.id), **wish)
    assert end_of(trace) == ("reaches", "destination")
    assert all("host" not in hop for hop in trace["hops"])
    hosts = {
        hop.get("host") for hop in traced(admin, destination_port_id=str(other.id), **wish)["hops"]
    }
    assert "h1" in hosts
    assert end_of(traced(member, destination_port_id=str(far.id), **wish)) == ("stopped", "gateway")
    router = make_router(context, subnets=[subnet, Subnet.objects.get(cidr="10.9.0.0/24")])
    made_current()
    assert end_of(traced(member, destination_port_id=str(far.id), **wish)) == (
        "reaches",
        "destination",
    )
    Router.objects.filter(id=router.id).update(admin_state_up=False)
    assert end_of(traced(member, destination_port_id=str(far.id), **wish)) == ("stopped", "router")
    Port.objects.filter(id=other.id).update(applied_revision=0)
    assert end_of(traced(member, destination_port_id=str(other.id), **wish)) == ("stopped", "port")


def test_bad_questions_are_said_to_be_so(
    member: ApiClient, server: Port, context: RequestContext
) -> None:
    elsewhere = RequestContext.system(project_id=uuid.uuid4().hex)
    theirs = make_port(make_subnet(context=elsewhere).network, elsewhere)
    bare = make_port(make_network(context), context)
    goal = {"destination_port_id": str(server.id)}
    questions: dict[str, dict[str, Any]] = {
        "nowhere": {"port": 22},
        "no port": goal,
        "port 0": {**goal, "port": 0},
        "no protocol": {**goal, "protocol": "tcpp", "port": 22},
        "protocol 300": {**goal, "protocol": 300, "port": 22},
        "no address": {"destination_address": "10.0.0", "port": 22},
        "two versions": {
            "source_address": "10.0.0.1", "destination_address": "fd00::1", "port": 22,
        },
        "no such port": {"destination_port_id": str(uuid.uuid4()), "port": 22},
        "theirs": {"destination_port_id": str(theirs.id), "port": 22},
        "from theirs": {"source_port_id": str(theirs.id), "port": 22, **goal},
        "no such server": {"source_server_id": str(uuid.uuid4()), "port": 22, **goal},
        "no address there": {"destination_port_id": str(bare.id), "port": 22},
        "unknown word": {**goal, "port": 22, "colour": "red"},
    }  # fmt: skip
    found = {name: asked(member, **body).status_code for name, body in questions.items()}
    missing = ("no such port", "theirs", "from theirs", "no such server")
    assert found == {name: 404 if name in missing else 400 for name in questions}


def test_it_only_looks(
    member: ApiClient, server: Port, subnet: Subnet, context: RequestContext
) -> None:
    other = plugged(subnet, context)
    with CaptureQueriesContext(connection) as queries:
        traced(
            member,
            source_port_id=str(server.id),
            destination_port_id=str(other.id),
            protocol="icmp",
        )
    written = [
        one["sql"] for one in queries if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    assert not [sql for sql in written if '"network_' in sql]


def test_what_hosts_see_is_named_with_its_source_and_its_age(
    member: ApiClient, admin: ApiClient, context: RequestContext, server: Port, subnet: Subnet,
    hosts: Hosts,
) -> None:  # fmt: skip
    other = plugged(subnet, context)
    wish = {"source_server_id": SERVER, "destination_port_id": str(other.id), "protocol": "icmp"}
    ends = {}
    for kind, passes in (("tap", False), ("card", False), ("lease", None), ("filters", False)):
        hosts.wrong = {kind: passes}
        ends[kind] = end_of(traced(member, **wish))
    assert ends == {
        "tap": ("stopped", "tap"), "card": ("stopped", "card"), "lease": ("unknown", "lease"),
        "filters": ("stopped", "filters"),
    }  # fmt: skip
    for client, is_operator in ((member, False), (admin, True)):
        trace = traced(client, **wish)
        hop = trace["hops"][trace["stopped_at"]]
        assert (hop["source"], hop["resource_id"]) == ("observed", str(server.id))
        assert hop["observed_at"].endswith("Z")
        assert hop["remedy"]
        assert ("detail" in hop) is is_operator
        assert "tapx" not in hop["text"]
    assert hop["detail"] == "kernel: tapx"
    sources = {one["source"] for one in trace["hops"]}
    assert sources == {"intended", "reported", "observed"}


def test_each_host_is_asked_once_for_all_and_one_that_is_silent_is_no_error(
    member: ApiClient, context: RequestContext, server: Port, subnet: Subnet, hosts: Hosts
) -> None:
    other = plugged(subnet, context)
    wish = {"source_server_id": SERVER, "destination_port_id": str(other.id), "protocol": "icmp"}
    traced(member, **wish)
    ((host, question),) = hosts.asked
    assert host == "h1"
    assert [(look.port_id, look.direction) for look in question.ports] == [
        (str(server.id), "egress"), (str(other.id), "ingress"),
    ]  # fmt: skip
    hosts.silent = {"h1"}
    trace = traced(member, **wish)
    assert end_of(trace) == ("unknown", "observation")
    assert "did not answer in time" in trace["hops"][trace["stopped_at"]]["text"]


def test_a_question_that_nobody_takes_is_over_at_once(
    member: ApiClient, context: RequestContext, server: Port, subnet: Subnet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other = plugged(subnet, context)
    monkeypatch.setattr("network.trace.asking.ask_all", ask_all)
    monkeypatch.setattr("operations.asking.send_order", lambda *_: False)
    wish = {"source_server_id": SERVER, "destination_port_id": str(other.id), "protocol": "icmp"}
    assert end_of(traced(member, **wish)) == ("unknown", "observation")
    failed = [DriverError("It is lost.")]
    monkeypatch.setattr("network.trace.asking.ask_all", lambda *_, **__: failed)
    trace = traced(member, **wish)
    assert "cannot tell" in trace["hops"][trace["stopped_at"]]["text"]
    assert "lost" not in str(trace)
