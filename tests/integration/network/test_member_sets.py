"""Who is in a remote group: told to hosts as sets and their changes, whatever is lost on the way."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import has_row_locks
from network import members, states
from network.agent import NetworkAgent
from network.drivers.fake import FakeNetworkDriver
from network.manager import PortManager, SecurityGroupManager, SecurityGroupRuleManager
from network.models import HeldSet, MemberChange, MemberSet, Network, Port, SecurityGroupRule
from network.objects import GroupStatus, NetworkPicture, NetworkReport
from network.resolution import port_wirings
from network.telling import pictures_for
from operations import epoch, restored
from operations.models import EpochCounter, Operation, Service
from operations.reporting import Parts, deliver
from operations.testing import Cloud, check_invariants, cloud
from tests.builders.damage import damage
from tests.builders.networks import make_context, make_group, make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
SYSTEM = RequestContext.system()


class NotingAgent(NetworkAgent):
    """Keeps the pictures it is told."""

    def __init__(self, directory: Path) -> None:
        super().__init__(FakeNetworkDriver(directory / "driver", "h1"), directory)
        self.told: list[NetworkPicture] = []

    def refresh(self, picture: NetworkPicture, work: Any = None) -> Any:
        self.told.append(picture)
        return super().refresh(picture, work)


class World:
    """A cloud with one host, a project, its network and default group."""

    def __init__(self, running: Cloud, directory: Path) -> None:
        self.running, self.agent = running, NotingAgent(directory)
        running.add_host("h1", {"network": self.agent})
        running.report()
        running.settle()
        self.context = make_context()
        self.network: Network = make_network(self.context)
        make_subnet(self.network)

    @property
    def group(self) -> Any:
        return (
            SecurityGroupManager(self.context).resolve("default", self.context.project_id or "").id
        )

    def plugged(self, **overrides: Any) -> Port:
        """Return a port as a server's saga leaves it: bound, on the host, confirmed."""
        port = make_port(self.network, self.context, **overrides)
        manager = PortManager(SYSTEM)
        device = {"host": "h1", "device_id": str(port.id), "device_owner": "compute:nova"}
        manager.bind(port.id, **device)
        answer = self.agent.plug(manager.wiring(port.id))
        manager.set_status(port.id, states.ACTIVE, groups=answer.groups)
        return Port.objects.get(id=port.id)

    def settle(self) -> list[NetworkPicture]:
        """Let all be told; return what was."""
        self.agent.told.clear()
        self.running.make_due()
        self.running.settle()
        check_invariants()
        return self.agent.told

    def let_in(self) -> set[str]:
        """Return the members in force on the host."""
        segment = self.agent.driver.segment(str(self.network.id))  # type: ignore[attr-defined]
        return set(segment.members.get(str(self.group), ()))

    def told_as(self, version: str) -> None:
        """Let the host say that it speaks this version of a port's wiring."""
        said = dict.fromkeys(("network.plug", "network.refresh"), version)
        Service.objects.filter(topic="network.h1").update(speaks={**said, "network.unplug": "1.0"})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with cloud(tmp_path) as running:
        yield World(running, tmp_path)


def blocks(*ports: Port) -> set[str]:
    return {f"{port.addresses.get().ip_address}/32" for port in ports}


def test_a_member_that_comes_or_goes_is_told_alone_and_touches_no_port(world: World) -> None:
    ports = [world.plugged() for _ in range(3)]
    world.settle()
    revisions = [*Port.objects.order_by("id").values_list("wiring_revision", flat=True)]
    late = make_port(world.network, world.context)
    (picture,) = world.settle()
    assert (picture.ports, picture.groups) == ((), ())
    (change,) = picture.changes
    assert (set(change.added), change.removed) == (blocks(late), ())
    assert world.let_in() == blocks(*ports, late)
    gone = blocks(late)
    PortManager(world.context).delete(late.id)
    (change,) = world.settle()[0].changes
    assert (change.added, set(change.removed)) == ((), gone)
    assert world.let_in() == blocks(*ports)
    assert [*Port.objects.order_by("id").values_list("wiring_revision", flat=True)] == revisions
    assert world.settle() == []


def test_many_changes_are_one_order(world: World) -> None:
    first = world.plugged()
    world.settle()
    items = [{"network_id": world.network.id} for _ in range(20)]
    made = PortManager(world.context).create_many(items)
    (picture,) = world.settle()
    assert len(picture.changes[0].added) == 20
    assert world.let_in() == blocks(first, *made)


def test_an_address_that_two_have_stays_until_both_left(world: World) -> None:
    pair = {"allowed_address_pairs": [{"ip_address": "10.0.0.128/25"}]}
    first, second = world.plugged(**pair), world.plugged(**pair)
    world.settle()
    assert world.let_in() == {*blocks(first, second), "10.0.0.128/25"}
    manager = PortManager(world.context)
    manager.update(first.id, allowed_address_pairs=[])
    world.settle()
    assert world.let_in() == {*blocks(first, second), "10.0.0.128/25"}
    manager.update(second.id, security_group_ids=[make_group(world.context).id])
    world.settle()
    assert world.let_in() == blocks(first)


def lose_the_record(world: World) -> None:
    """The host's record of the set is damaged, found at its next start."""
    path = world.agent.wirings._group_file(str(world.network.id), str(world.group))
    damage(path, "emptied")
    world.agent.init_host()
    assert world.let_in() == set()  # denied rather than allowed
    world.running.report()


def set_the_host_back(world: World) -> None:
    """The host's disk is an older copy, and it says so."""
    kept = world.agent.wirings.group(str(world.network.id), str(world.group))
    assert kept is not None
    path = world.agent.wirings._group_file(str(world.network.id), str(world.group))
    old = kept.model_copy(update={"generation": 1, "members": ()})
    path.write_text(json.dumps(old.dump()))
    world.agent.init_host()
    deliver([Parts("h1", {"network": world.agent.report(full=True).dump()})])


def set_the_database_back(world: World) -> None:
    """The database is an older copy: the host is ahead of it."""
    MemberSet.objects.update(generation=2)
    HeldSet.objects.update(applied_generation=2)
    MemberChange.objects.all().delete()
    deliver([Parts("h1", {"network": world.agent.report(full=True).dump()})])


def lose_a_change(world: World) -> None:
    """A change is thought to have been applied that never came."""
    HeldSet.objects.update(applied_generation=MemberSet.objects.get().generation)


def forget_the_changes(world: World) -> None:
    """The host is further behind than changes are kept."""
    HeldSet.objects.update(applied_generation=1)
    MemberSet.objects.update(generation=members.REMEMBERED * 2)


HARMS = (
    lose_the_record, set_the_host_back, set_the_database_back, lose_a_change, forget_the_changes,
)  # fmt: skip


def test_whatever_is_lost_is_made_good(world: World) -> None:
    ports = [world.plugged() for _ in range(2)]
    world.settle()
    for harm in HARMS:
        ports.append(make_port(world.network, world.context))  # on its way
        harm(world)
        ports.append(make_port(world.network, world.context))
        for _ in range(2):
            world.settle()
        assert world.let_in() == blocks(*ports), harm.__doc__
        assert not HeldSet.objects.behind("h1").exists(), harm.__doc__
        assert world.settle() == [], harm.__doc__


def test_the_last_port_takes_the_sets_along_and_the_next_brings_them(world: World) -> None:
    other = make_port(world.network, world.context)  # a member elsewhere
    port = world.plugged()
    world.settle()
    PortManager(SYSTEM).set_status(port.id, states.DOWN)
    world.agent.unplug(PortManager(SYSTEM).ref(port.id))
    again = PortManager(SYSTEM).wiring(port.id)
    assert [set(group.members) for group in again.groups] == [blocks(port, other)]
    world.agent.plug(again)
    assert world.let_in() == blocks(port, other)


def test_a_port_after_the_first_does_not_carry_the_members(world: World) -> None:
    world.plugged()
    second = make_port(world.network, world.context)
    PortManager(SYSTEM).bind(second.id, host="h1", device_id="b", device_owner="compute:nova")
    wiring = PortManager(SYSTEM).wiring(second.id)
    assert (wiring.groups, wiring.named_groups) == ((), {str(world.group)})


def test_a_host_of_the_release_before_has_the_members_in_its_rules(world: World) -> None:
    world.told_as("1.0")
    first = world.plugged()
    late = make_port(world.network, world.context)
    told = world.settle()
    assert [len(picture.changes) + len(picture.groups) for picture in told] == [0]
    rules = [rule for rule in told[0].ports[0].rules if rule.direction == "ingress"]
    assert [set(rule.remotes) for rule in rules] == [blocks(first, late)]
    assert told[0].ports[0].group_rules == ()
    assert world.settle() == []
    world.told_as("1.1")
    latest = make_port(world.network, world.context)
    (picture,) = world.settle()
    assert [port.named_groups for port in picture.ports] == [{str(world.group)}]
    assert {rule.direction for port in picture.ports for rule in port.rules} == {"egress"}
    assert world.let_in() == blocks(first, late, latest)
    make_port(world.network, world.context)
    assert [bool(one.changes) for one in world.settle()] == [True]


def test_hosts_from_before_there_were_sets_hold_them_in_their_rules(world: World) -> None:
    world.told_as("1.0")
    port = world.plugged()
    for model in (HeldSet, MemberChange, MemberSet):
        model.objects.all().delete()
    module = importlib.import_module("network.migrations.0006_number_sets")
    module.number_sets(apps, None)
    held = HeldSet.objects.get()
    assert (held.host, held.literal, held.member_set.network_id) == ("h1", True, world.network.id)
    world.told_as("1.1")
    late = make_port(world.network, world.context)
    world.settle()
    assert world.let_in() == blocks(port, late)


def test_a_host_is_believed_about_sets_it_was_told(world: World) -> None:
    world.plugged()
    world.settle()
    before = [*HeldSet.objects.values()]
    ids = str(world.network.id), str(world.group)
    unknown = str(MemberSet.objects.get().network_id)
    odd = (
        GroupStatus(network_id="x", group_id="../y", generation=3),
        GroupStatus(network_id=unknown, group_id=unknown, generation=3),
    )
    deliver([Parts("h1", {"network": NetworkReport(groups=odd).dump()})])
    assert [*HeldSet.objects.values()] == before
    ahead = GroupStatus(network_id=ids[0], group_id=ids[1], generation=99)
    deliver([Parts("h2", {"network": NetworkReport(groups=(ahead,)).dump()})])
    assert [*HeldSet.objects.filter(host="h1").values()] == before
    assert not Operation.objects.exclude(state="DONE").exists()


def test_what_a_member_costs_does_not_grow_with_the_group(world: World) -> None:
    """Statements and the size of what is told, among few and among many."""
    counts = []
    world.plugged()
    for more in (3, 60):
        items = [{"network_id": world.network.id} for _ in range(more)]
        PortManager(world.context).create_many(items)
        world.settle()
        with CaptureQueriesContext(connection) as made:
            make_port(world.network, world.context)
        with CaptureQueriesContext(connection) as asked:
            (picture,) = pictures_for("h1")
        counts.append((len(made), len(asked), len(str(picture.dump()))))
        world.settle()
    (few_made, few_asked, few_told), (many_made, many_asked, many_told) = counts
    assert (few_made, few_asked) == (many_made, many_asked)
    assert abs(few_told - many_told) < 20  # the length of numbers


class Numbers:
    """A copy of what is numbered in the database."""

    COLUMNS: ClassVar[dict[type[Model], tuple[str, ...]]] = {
        Network: ("wiring_revision",),
        Port: ("wiring_revision", "ordered_revision", "applied_revision"),
        MemberSet: ("generation",),
        HeldSet: ("applied_generation",),
    }

    def __init__(self) -> None:
        self.rows = {
            model: [*model._default_manager.values("id", *columns)]
            for model, columns in self.COLUMNS.items()
        }
        self.epoch, self.changes = epoch.current(), MemberChange.objects.count()

    def put_back(self, *lost: Model) -> None:
        """Let the database be as it was, and the things not be in it that came since."""
        for model, rows in self.rows.items():
            for values in rows:
                model._default_manager.filter(id=values["id"]).update(**values)
        for one in lost:
            type(one)._default_manager.filter(pk=one.pk).delete()
        MemberChange.objects.filter(
            id__in=MemberChange.objects.order_by("id").values("id")[self.changes :]
        ).delete()
        EpochCounter.objects.update(value=self.epoch)
        if has_row_locks():
            epoch._ask("SELECT setval('operations_epoch', %s)", self.epoch)


def the_host_reports(world: World) -> None:
    world.running.report()
    world.running.pump()


def it_starts(world: World) -> None:
    said: list[str] = []
    restored.look(say=said.append)
    restored.look(say=said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    "notice", [the_host_reports, it_starts, lambda world: call_command("note_restored")]
)
def test_a_restored_database_counts_though_hosts_know_later_numbers(
    world: World, notice: Callable[[World], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What came after the copy was made has the numbers of what comes now."""
    monkeypatch.setattr(restored, "epoch_file", lambda: tmp_path / "epoch")
    port = world.plugged()
    world.settle()
    copy = Numbers()
    lost = [make_port(world.network, world.context), *(open_port(world, at) for at in (80, 81))]
    world.settle()
    restored.remember()
    copy.put_back(*lost)
    notice(world)
    late = make_port(world.network, world.context)
    rule = open_port(world, 443)
    world.settle()
    assert world.let_in() == blocks(port, late)
    told = world.agent.wirings.find(str(world.network.id), str(port.id))
    assert told is not None
    assert {one.port_min for one in told.rules if one.protocol == "tcp"} == {rule.port_range_min}
    (wiring,) = port_wirings([port.id])
    assert (told.rules, told.revision) == (wiring.rules, wiring.revision)
    before = Port.objects.get(id=port.id).wiring_revision
    world.running.report()
    world.running.pump()
    assert world.settle() == []
    assert Port.objects.get(id=port.id).wiring_revision == before


def open_port(world: World, number: int) -> SecurityGroupRule:
    rule = SecurityGroupRuleManager(world.context).create(
        security_group_id=world.group,
        direction="ingress",
        ethertype="IPv4",
        protocol="tcp",
        port_range_min=number,
        port_range_max=number,
    )
    return SecurityGroupRule.objects.get(id=rule.id)


def test_a_host_that_lies_about_what_it_knows_makes_work_once_an_hour(world: World) -> None:
    world.plugged()
    told = []
    for _ in range(3):
        restored.catch_up(epoch.current() + 5)
        told.append(Port.objects.get().wiring_revision)
    assert told == [told[0]] * 3
    EpochCounter.objects.update(restored_at=now() - timedelta(hours=2))
    restored.catch_up(epoch.current() + 5)
    assert Port.objects.get().wiring_revision > told[0]
