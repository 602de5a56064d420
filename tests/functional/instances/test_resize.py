"""Servers that get another size or another host: over HTTP, on simulated hosts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from compute.models import Claim, Flavor
from instances import conf
from instances.manager import InstanceManager
from instances.models import Instance, Migration
from operations.models import Operation
from tests.builders.identity import client_with
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2) as found:
        yield found


def flavor(number: int) -> Flavor:
    return Flavor.objects.order_by("ram")[number]


def claims() -> list[tuple[str, int]]:
    return sorted(Claim.objects.values_list("host__name", "ram"))


def act(made: Lab, server: str, action: str, value: Any = None, *, client: Any = None) -> Any:
    path = f"/servers/{server}/action"
    answer = made.send("POST", path, {action: value}, client=client, version="2.60")
    made.cloud.settle()
    return answer


def words(answer: Any) -> tuple[int, str]:
    (fault,) = answer.json().values()
    return answer.status_code, fault["message"]


def test_a_server_of_an_older_release_moves_though_its_flavor_means_nothing_now(made: Lab) -> None:
    server = made.create()
    Instance.objects.update(extra_specs={"hw:cpu_thread_policy": "isolate"})
    assert act(made, server, "migrate", client=client_with("admin")).status_code == 202
    assert made.show(server)["status"] == "VERIFY_RESIZE"


def test_an_id_in_capitals_is_the_same_servers(made: Lab) -> None:
    server = made.create()
    assert act(made, server.upper(), "resize", {"flavorRef": flavor(1).id}).status_code == 202
    assert act(made, server.upper(), "confirmResize").status_code == 204
    assert made.show(server)["status"] == "ACTIVE"
    assert {*Operation.objects.values_list("resource_id", flat=True)} == {server}


def test_a_server_is_resized_and_confirmed_or_reverted(made: Lab) -> None:
    server = made.create()
    small, large = flavor(0), flavor(1)
    assert act(made, server, "resize", {"flavorRef": large.id}).status_code == 202
    shown = made.show(server)
    assert (shown["status"], shown["flavor"]["ram"]) == ("VERIFY_RESIZE", large.ram)
    assert len(claims()) == 2
    assert act(made, server, "revertResize").status_code == 202
    shown = made.show(server)
    assert (shown["status"], shown["flavor"]["ram"]) == ("ACTIVE", small.ram)
    assert [ram for _, ram in claims()] == [small.ram]
    act(made, server, "os-stop")
    act(made, server, "resize", {"flavorRef": large.id})
    assert made.show(server)["status"] == "VERIFY_RESIZE"
    assert act(made, server, "confirmResize").status_code == 204
    shown = made.show(server)
    assert (shown["status"], shown["flavor"]["ram"]) == ("SHUTOFF", large.ram)
    assert [ram for _, ram in claims()] == [large.ram]
    assert [*Migration.objects.order_by("id").values_list("status", flat=True)] == [
        *("reverted", "confirmed")
    ]
    assert act(made, server, "os-start").status_code == 202
    assert made.show(server)["status"] == "ACTIVE"


def test_what_is_refused(made: Lab) -> None:
    server, boss, admin = (
        made.create(),
        client_with("manager", project=made.project),
        client_with("admin"),
    )
    host = Claim.objects.get().host.name
    with_disk = Flavor.objects.create(id="less", name="less", ram=64, vcpus=1, disk=0)
    off = Flavor.objects.create(id="off", name="off", ram=64, vcpus=1, disk=9, disabled=True)
    found = {
        "same": act(made, server, "resize", {"flavorRef": flavor(0).id}),
        "smaller": act(made, server, "resize", {"flavorRef": with_disk.id}),
        "disabled": act(made, server, "resize", {"flavorRef": off.id}, client=admin),
        "unknown": act(made, server, "resize", {"flavorRef": "none"}),
        "nobody's": act(made, server, "resize", {"flavorRef": 7}),
        "member migrates": act(made, server, "migrate"),
        "to a host": act(made, server, "migrate", {"host": "h2"}, client=boss),
        "to its own": act(made, server, "migrate", {"host": host}, client=admin),
        "to none": act(made, server, "migrate", {"host": "nowhere"}, client=admin),
        "undecided": act(made, server, "confirmResize"),
    }
    statuses = {name: answer.status_code for name, answer in found.items()}
    assert statuses == {
        **dict.fromkeys(("same", "smaller", "disabled", "unknown", "nobody's"), 400),
        "member migrates": 403,
        "to a host": 403,
        "to its own": 400,
        "to none": 400,
        "undecided": 409,
    }
    assert made.show(server)["status"] == "ACTIVE"
    assert (Migration.objects.count(), len(claims())) == (0, 1)


def test_a_migrated_server_is_listed_and_is_on_one_host_alone_once_that_is_confirmed(
    made: Lab,
) -> None:
    server, admin = made.create(), client_with("admin")
    here = Claim.objects.get().host.name
    there = "h2" if here == "h1" else "h1"
    made.guests[here].write(server, "kept")
    assert act(made, server, "migrate", {"host": there}, client=admin).status_code == 202
    assert made.guests[there].read(server) == "kept"
    assert len(claims()) == 2
    assert act(made, server, "confirmResize").status_code == 204
    assert [name for name, _ in claims()] == [there]
    assert [name for name, one in made.guests.items() if one.census()] == [there]
    shown = {}
    for version in ("2.1", "2.23", "2.59", "2.80"):
        answer = made.send("GET", "/os-migrations", client=admin, version=version)
        (row,) = answer.json()["migrations"]
        shown[version] = row
    newest = shown["2.80"]
    assert (newest["source_compute"], newest["dest_compute"]) == (here, there)
    assert (newest["status"], newest["migration_type"]) == ("confirmed", "migration")
    assert [{*shown[one]} ^ {*newest} for one in shown] == [
        {"migration_type", "uuid", "user_id", "project_id"},
        {"uuid", "user_id", "project_id"},
        {"user_id", "project_id"},
        set(),
    ]
    none = made.send("GET", "/os-migrations?status=error", client=admin)
    assert none.json()["migrations"] == []
    running = made.send("GET", f"/servers/{server}/migrations", client=admin)
    assert running.json() == {"migrations": []}


def test_what_nobody_decides_is_confirmed_in_time(
    made: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the setting says so, and what waits for something else is left for the next round."""
    manager = InstanceManager(RequestContext.system())
    late, early, busy = (made.create(name=name) for name in ("late", "early", "busy"))
    for server in (late, early, busy):
        act(made, server, "resize", {"flavorRef": flavor(1).id})
    hour_ago = now() - timedelta(hours=1)
    Migration.objects.exclude(instance_id=early).update(updated_at=hour_ago)
    Instance.objects.filter(id=busy).update(task_state="deleting")

    def confirmed() -> set[str]:
        manager.confirm_overdue_resizes()
        made.cloud.settle()
        rows = Migration.objects.filter(status="confirmed")
        return {str(key) for key in rows.values_list("instance_id", flat=True)}

    monkeypatch.setattr(conf, "RESIZE_CONFIRM_WINDOW", 0)
    assert confirmed() == set()
    monkeypatch.setattr(conf, "RESIZE_CONFIRM_WINDOW", 600)
    assert confirmed() == {late}
    assert made.show(late)["status"] == "ACTIVE"
    assert made.show(early)["status"] == "VERIFY_RESIZE"
    Instance.objects.filter(id=busy).update(task_state=None)
    assert confirmed() == {late, busy}
