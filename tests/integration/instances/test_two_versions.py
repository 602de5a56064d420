"""Services of two releases in one cloud: whichever is upgraded first, servers do all they do, and no call fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from compute.objects import GuestSpec
from instances.models import Instance
from operations.models import Operation, Service
from tests.builders.instances import NOTHING, Lab, census, lab
from tests.builders.older import Fleet
from tests.contract.releases.frozen import frozen
from tests.drills.live import move
from tests.drills.resizes import larger

pytestmark = pytest.mark.django_db(transaction=True)
HOSTS = ("h1", "h2")
SERVICES = ("control", *HOSTS)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Lab, Fleet]]:
    with lab(tmp_path) as made:
        fleet = Fleet(made.cloud)
        made.add_host("h2")
        yield made, fleet


def be(made: Lab, fleet: Fleet, service: str, *, old: bool) -> None:
    """Let a service be of the last release, or of this one: a host is started again, as an upgrade does it."""
    if service == "control":
        fleet.control_is_old = old
        return
    (fleet.old_hosts.add if old else fleet.old_hosts.discard)(service)
    made.add_host(service)


def ask(fleet: Fleet, call: Callable[[], Any]) -> Any:
    """Ask the API, whichever release it is; what it starts is planned by that release."""
    with fleet.planning():
        answer = call()
    assert getattr(answer, "status_code", 202) in (200, 202, 204), answer.content
    return answer


def state(server: str) -> Any:
    return Instance.objects.values_list("vm_state", "task_state").get(id=server)


def live(made: Lab, fleet: Fleet) -> None:
    """Let a server be made, rebooted, resized, given a volume, and deleted."""
    server = ask(fleet, lambda: made.create(settle=False))
    made.cloud.settle()
    assert state(server) == ("active", None)
    volume = made.make_volume()
    for action, value in (
        ("reboot", {"type": "HARD"}),
        ("os-stop", None),
        ("os-start", None),
        ("resize", {"flavorRef": larger().id}),
        ("confirmResize", None),
    ):
        ask(fleet, lambda a=action, v=value: made.act(server, a, v))  # type: ignore[misc]
        made.cloud.settle()
        expected = {"os-stop": "stopped", "resize": "resized"}.get(action, "active")
        assert state(server) == (expected, None), action
    attach = {"volumeAttachment": {"volumeId": volume}}
    path = f"/servers/{server}/os-volume_attachments"
    ask(fleet, lambda: made.send("POST", path, attach))
    made.cloud.settle()
    ask(fleet, lambda: made.send("DELETE", f"{path}/{volume}"))
    made.cloud.settle()
    ask(fleet, lambda: made.send("DELETE", f"/servers/{server}"))
    made.cloud.settle()
    assert fleet.refused == []
    assert not Operation.objects.exclude(state="DONE").exists()
    assert {**census(made), "kept": 0} == NOTHING


def test_hosts_of_the_last_release_work_for_this_control_plane(world: tuple[Lab, Fleet]) -> None:
    made, fleet = world
    for host in HOSTS:
        be(made, fleet, host, old=True)
    spoken = Service.objects.get(topic="compute.h1").speaks
    assert spoken == {
        name: said["speaks"]
        for name, said in frozen("methods").items()
        if name.startswith("compute.")
    }
    live(made, fleet)


def test_hosts_of_this_release_work_for_a_control_plane_of_the_last(
    world: tuple[Lab, Fleet],
) -> None:
    made, fleet = world
    be(made, fleet, "control", old=True)
    for host in HOSTS:
        be(made, fleet, host, old=False)
    live(made, fleet)


def test_a_host_of_each_moves_servers_to_the_other(world: tuple[Lab, Fleet]) -> None:
    made, fleet = world
    be(made, fleet, "h1", old=True)
    live(made, fleet)
    be(made, fleet, "h1", old=False)
    be(made, fleet, "h2", old=True)
    live(made, fleet)


@pytest.mark.parametrize("order", [*itertools.permutations(SERVICES)], ids="-".join)
def test_a_cloud_is_upgraded_under_load_in_any_order(
    world: tuple[Lab, Fleet], order: tuple[str, ...]
) -> None:
    """Orders of one release, and operations that it stored, lie about while the other starts."""
    made, fleet = world
    for service in SERVICES:
        be(made, fleet, service, old=True)
    server = ask(fleet, lambda: made.create(settle=False))
    made.cloud.settle()
    for service in order:
        ask(fleet, lambda: made.act(server, "reboot", {"type": "HARD"}))
        born = ask(fleet, lambda: made.create(settle=False))
        made.cloud.pump(limit=4, at_rest=False)  # some of it is under way
        be(made, fleet, service, old=False)
        made.cloud.settle()
        assert state(server) == state(born) == ("active", None)
        ask(fleet, lambda b=born: made.send("DELETE", f"/servers/{b}"))  # type: ignore[misc]
    ask(fleet, lambda: made.send("DELETE", f"/servers/{server}"))
    made.cloud.settle()
    assert fleet.refused == []
    assert not Operation.objects.exclude(state="DONE").exists()
    assert census(made) == NOTHING


def test_what_an_old_peer_would_not_read_does_not_pass(world: tuple[Lab, Fleet]) -> None:
    """The peers of the last release are no blind eyes."""
    made, fleet = world
    for name in HOSTS:
        be(made, fleet, name, old=True)
    host = made.cloud.hosts["h1"]
    host.voice.say("object_action", host.report())
    assert len(fleet.refused) == 1
    computes = Service.objects.filter(domain="compute")
    computes.update(speaks={})  # nobody knows what they speak: so they are told in the newest
    with patch.object(GuestSpec, "VERSION", "1.9"):
        made.create(settle=False)
        made.cloud.pump()
    assert "compute.spawn in 1.9" in fleet.refused[-1]


@pytest.mark.parametrize("old", HOSTS)
def test_a_server_moves_live_between_hosts_of_two_releases(
    world: tuple[Lab, Fleet], old: str
) -> None:
    made, fleet = world
    be(made, fleet, old, old=True)
    server = ask(fleet, lambda: made.create(settle=False))
    made.cloud.settle()
    before = Instance.objects.get(id=server).host
    move(made, server)
    made.cloud.settle()
    assert (state(server), fleet.refused) == (("active", None), [])
    assert Instance.objects.get(id=server).host != before
