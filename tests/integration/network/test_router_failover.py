"""Routers of networks that span hosts: on which host they are, and what becomes of them when it dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudweb.agent import ScopeLock
from cloudweb.conf import intervals
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from network import conf, states
from network.agent import NetworkAgent
from network.drivers.fake import FakeNetworkDriver
from network.fence import Fence
from network.manager import AgentManager, PortManager, RouterManager
from network.models import Agent, Network, Port, Router
from network.objects import NetworkInventory
from network.operations.refresh_router import RefreshRouter
from operations import services
from operations.models import Operation, Service
from operations.testing import Cloud, check_invariants, cloud, unpaid_debts
from tests.builders.networks import make_context, make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
SYSTEM = RequestContext.system()


class JoinedAgent(NetworkAgent):
    """An agent that says by what its host can be joined to others."""

    types: tuple[str, ...] = ()

    def inventory(self) -> NetworkInventory:
        found = super().inventory()
        return found.model_copy(update={"network_types": self.types})


class World:
    """A cloud of hosts whose networks are joined by tunnels."""

    def __init__(self, running: Cloud, directory: Path) -> None:
        self.cloud, self.directory = running, directory
        self.drivers: dict[str, FakeNetworkDriver] = {}
        self.agents: dict[str, JoinedAgent] = {}
        self.context = make_context()
        self.external = make_external()
        self.network = make_network(SYSTEM, kind="vxlan", segmentation_id=7, project_id=self.owner)
        self.subnet = make_subnet(self.network, self.context)

    @property
    def owner(self) -> str:
        return self.context.scoped_project_id

    def start(self, *hosts: str, types: tuple[str, ...] = ("vxlan",)) -> None:
        """Start hosts, or start them again with nothing but their disks."""
        for host in hosts:
            directory = self.directory / host
            driver = FakeNetworkDriver(state_dir=directory / f"kernel-{now()}", host=host)
            self.drivers[host] = driver
            agent = self.agents[host] = JoinedAgent(driver, directory)
            agent.types = types
            self.cloud.add_host(host, {"network": agent})
        self.cloud.settle()

    def routed(self, **overrides: Any) -> Router:
        wishes = {"subnets": [self.subnet], "external": self.external, **overrides}
        router = make_router(self.context, **wishes)
        self.cloud.settle()
        return Router.objects.get(id=router.id)

    def another(self, kind: str = "vxlan", **overrides: Any) -> Any:
        row = {"segmentation_id": Network.objects.count() + 100} if kind == "vxlan" else {}
        network = make_network(SYSTEM, kind=kind, project_id=self.owner, **row)
        return make_subnet(network, self.context, **overrides)

    def plugged(self, host: str) -> Port:
        """Return a server's port on a host."""
        port = make_port(self.network, self.context)
        manager = PortManager(SYSTEM)
        manager.bind(port.id, host=host, device_id=str(port.id), device_owner="compute:nova")
        answer = self.agents[host].plug(manager.wiring(port.id))
        manager.set_status(
            port.id, states.ACTIVE, groups=answer.groups, forwarding=answer.forwarding
        )
        self.cloud.settle()
        return Port.objects.get(id=port.id)

    def way_to(self, router: Router, *, known_to: str) -> str:
        """Return at which tunnel's end a host takes a router's interface to be."""
        part = router.router_ports.get(is_gateway=False)
        ways = self.drivers[known_to].segment(str(self.network.id)).ways
        return ways[part.port.mac_address][0]

    def fail_over(self) -> int:
        moved = RouterManager(SYSTEM).fail_over()
        self.cloud.settle()
        return moved

    def where(self) -> dict[str, list[str]]:
        """Return, by host, the routers that it has."""
        return {host: [*driver.routers()] for host, driver in self.drivers.items()}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with cloud(tmp_path) as running:
        yield World(running, tmp_path)
        check_invariants()


def test_a_router_leaves_a_host_that_died_and_its_old_copy_never_answers_again(
    world: World,
) -> None:
    world.start("h1", "h2")
    router, port = world.routed(), make_port(world.network, world.context)
    floating = make_floating_ip(world.context, world.external, port_id=port.id)
    world.cloud.settle()
    old, new = router.host, "h2" if router.host == "h1" else "h1"
    assert world.fail_over() == 0

    world.cloud.kill_host(old)
    assert (world.fail_over(), world.fail_over()) == (1, 0)

    router.refresh_from_db()
    told = world.drivers[new].router(str(router.id))
    assert told is not None
    assert (router.host, router.applied_revision) == (new, router.wiring_revision)
    (leading,) = told["floating"]
    assert leading["floating_ip"] == floating.floating_ip_address
    assert unpaid_debts() == 1

    world.start(
        old
    )  # a reboot: it has the router on its disk, and is told to forget it first of all
    assert world.where() == {old: [], new: [str(router.id)]}
    world.agents[old].start_guests(_no_lock())
    assert world.where() == {old: [], new: [str(router.id)]}
    assert (unpaid_debts(), [*world.agents[old].routers.ids()]) == (0, [])
    assert world.drivers[old].census() == ()
    assert world.fail_over() == 0  # it stays where it is


def test_nobody_waits_for_what_a_host_was_told_just_before_it_died(world: World) -> None:
    """Its order would hold the router until its deadline, minutes long."""
    world.start("h1", "h2")
    router = world.routed()
    old, new = router.host, "h2" if router.host == "h1" else "h1"
    world.cloud.dead.add(old)  # nobody has noticed yet
    RouterManager(world.context).update(router.id, admin_state_up=False)
    Operation.objects.filter(kind=RefreshRouter.kind).update(next_at=now())
    world.cloud.sweep()
    world.cloud.pump()
    (waiting,) = Operation.objects.filter(kind=RefreshRouter.kind, state="WAITING")

    world.cloud.kill_host(old)
    assert RouterManager(SYSTEM).fail_over() == 1
    world.cloud.pump()

    waiting.refresh_from_db()
    router.refresh_from_db()
    assert waiting.state == "UNDONE"
    assert (router.host, router.applied_revision) == (new, router.wiring_revision)
    assert world.where()[new] == [str(router.id)]
    world.cloud.settle()


def _no_lock() -> ScopeLock:
    raise_it: Any = None
    return raise_it  # type: ignore[no-any-return]


def test_servers_elsewhere_find_the_router_where_it_is_now(world: World) -> None:
    """By forwarding entries on their own host; their ports' wiring stays as it is."""
    world.start("h1", "h2", "h3")
    router = world.routed()
    old = router.host
    (guest,) = sorted({"h1", "h2", "h3"} - {old})[:1]
    port = world.plugged(guest)
    assert world.way_to(router, known_to=guest) == world.drivers[old].tunnel_address
    before = Port.objects.get(id=port.id).wiring_revision
    world.cloud.kill_host(old)
    assert world.fail_over() == 1
    router.refresh_from_db()
    assert world.way_to(router, known_to=guest) == world.drivers[router.host].tunnel_address
    assert Port.objects.get(id=port.id).wiring_revision == before


def test_a_host_that_nobody_took_a_router_from_has_it_again_after_the_control_plane_had_its_say(
    world: World,
) -> None:
    world.start("h1")
    router = world.routed()
    tied = world.routed(subnets=[world.another("isolated")], external=None)
    world.cloud.kill_host("h1")
    assert world.fail_over() == 0  # there is nobody else
    world.start("h1")
    assert world.where() == {"h1": [str(tied.id)]}
    world.agents["h1"].repair()
    assert world.where() == {"h1": [str(tied.id)]}
    world.agents["h1"].start_guests(_no_lock())
    assert world.where() == {"h1": sorted([str(router.id), str(tied.id)])}


def test_an_order_is_a_say(world: World) -> None:
    world.start("h1")
    router = world.routed()
    world.start("h1")
    RouterManager(world.context).update(router.id, gateway=None)
    world.cloud.settle()
    assert world.where() == {"h1": [str(router.id)]}


def test_a_host_that_is_cut_off_gives_up_what_others_may_have(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where settings say so; it has it again once it is answered, unless another has it."""
    world.start("h1")
    router = world.routed()
    tied = world.routed(subnets=[world.another("isolated")], external=None)
    agent, both = world.agents["h1"], sorted([str(router.id), str(tied.id)])
    agent.fence()
    assert world.where() == {"h1": both}  # it is off
    fence = Fence(1)
    monkeypatch.setattr(agent, "_fence", fence)
    agent.fence()
    assert world.where() == {"h1": both}
    monkeypatch.setattr(fence, "_since", time.monotonic() - 2)
    for _ in range(2):
        agent.fence()
        agent.repair()
        agent.start_guests(_no_lock())
        assert world.where() == {"h1": [str(tied.id)]}
    world.cloud.report()
    world.cloud.settle()
    world.cloud.pump()
    agent.fence()
    assert world.where() == {"h1": both}
    assert len(world.drivers["h1"].ports()) == 3


def test_a_router_of_a_wire_on_each_host_stays_with_its_servers(world: World) -> None:
    world.start("h1", "h2")
    router = world.routed(subnets=[world.subnet, world.another("isolated", cidr="10.1.0.0/24")])
    world.cloud.kill_host(router.host)
    assert world.fail_over() == 0


def test_nobody_is_dead_while_nobody_reads_and_no_sooner_than_settings_say(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start("h1", "h2")
    router = world.routed()
    down = intervals().host_down
    monkeypatch.setattr(conf, "ROUTER_FAILOVER", down + 60)
    other = {"h1": "h2", "h2": "h1"}[router.host]

    def silent(**hosts: float) -> int:
        for host, seconds in hosts.items():
            Service.objects.filter(topic=f"network.{host}").update(
                last_seen_at=now() - timedelta(seconds=seconds)
            )
        return RouterManager(SYSTEM).fail_over()

    assert silent(**{router.host: down + 50, other: 1}) == 0
    read = Service.objects.filter(domain="conductor")
    assert read.update(silent_before=now() - timedelta(hours=1)) or Service.objects.create(
        topic="conductor@x",
        domain="conductor",
        host="x",
        number=99,
        silent_before=now() - timedelta(hours=1),
    )
    assert silent(**{router.host: down + 600}) == 0
    Service.objects.filter(domain="conductor").update(silent_before=now() - timedelta(seconds=down))
    assert silent(**{router.host: down + 600}) == 1


def test_a_host_that_an_operator_gave_up_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start("h1", "h2")
    router = world.routed()
    monkeypatch.setattr(conf, "ROUTER_FAILOVER", 10_000.0)
    world.cloud.kill_host(router.host)
    assert world.fail_over() == 0
    services.force_down(router.host, "network", forced=True)
    assert world.fail_over() == 1


def test_routers_go_where_few_are_and_all_their_networks_too(world: World) -> None:
    world.start("h1", "h2", "h3")
    world.start("h0", types=())
    hosts = [world.routed(subnets=[world.another()], external=None).host for _ in range(6)]
    assert sorted(hosts) == ["h1", "h1", "h2", "h2", "h3", "h3"]
    router = world.routed(subnets=[world.another("isolated")], external=None)
    assert router.host == "h0"
    far = world.another(cidr="10.1.0.0/24")
    RouterManager(world.context).add_interface(router.id, subnet_id=far.id)
    world.cloud.settle()
    router.refresh_from_db()
    assert router.host in {"h1", "h2", "h3"}
    assert str(router.id) in world.where()[router.host]
    assert world.where()["h0"] == []


def test_operators_keep_routers_from_a_host(world: World) -> None:
    world.start("h1", "h2")
    router = world.routed()
    other = {"h1": "h2", "h2": "h1"}[router.host]
    agents, ids = AgentManager(SYSTEM), dict(Agent.objects.values_list("host", "id"))
    agents.update(str(ids[router.host]), takes_routers=False)
    assert world.fail_over() == 1
    assert world.where()[other] == [str(router.id)]
    assert world.where()[router.host] == []
    agents.update(str(ids[other]), takes_routers=False)
    assert world.fail_over() == 0  # better there than nowhere
    waits = world.routed(subnets=[world.another()], external=None)
    assert waits.host == ""
    agents.update(str(ids[router.host]), takes_routers=True)
    assert world.fail_over() == 2
    assert Router.objects.get(id=waits.id).host == router.host
