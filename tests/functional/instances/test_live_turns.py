"""Servers that go live wait for each other: a host sends and takes one at a time, in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cloudweb.database.clock import now
from compute.models import Host
from instances import conf
from instances.models import Instance, Migration
from operations.models import Operation, Step
from tests.builders.instances import Lab, lab
from tests.functional.instances.test_live_migration import host_of, migrations, move

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "instances.live_migrate"


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=3) as made:
        yield made


def on(made: Lab, host: str, count: int) -> list[str]:
    """Make servers there."""
    Host.objects.exclude(name=host).update(enabled=False)
    found = [made.create() for _ in range(count)]
    assert {host_of(server) for server in found} == {host}
    Host.objects.update(enabled=True)
    return found


def hold_up(server: str) -> None:
    """Let nothing more happen to one that is on its way."""
    Migration.objects.filter(instance_id=server).update(status="running", dest_host="h2")
    Operation.objects.filter(resource_id=server, kind=KIND).update(state="QUEUED")


def go_on(server: str) -> None:
    """Let it happen."""
    Operation.objects.filter(resource_id=server, kind=KIND).update(state="READY")


def some_time(made: Lab) -> None:
    """Let all happen that can while one is held up."""
    for _ in range(6):
        made.cloud.pump()
        made.cloud.pass_time()


def status(server: str) -> str:
    return str(Migration.objects.get(instance_id=server).status)


def why(server: str) -> str:
    steps = Step.objects.filter(operation__resource_id=server, operation__kind=KIND)
    return str(steps.get(name="claim_host", direction="do").error_code)


def test_who_leaves_the_same_host_waits_in_order(three: Lab) -> None:
    first, second, third, last = on(three, "h1", 4)
    for server in (first, second, third, last):
        assert move(three, server).status_code == 202
        if server == first:
            hold_up(first)
    some_time(three)
    assert [status(one) for one in (second, third, last)] == ["queued"] * 3
    assert why(third) == "migration_source_busy"
    assert three.show(second)["status"] == "MIGRATING"
    (shown,) = migrations(three, second).json()["migrations"]
    path = f"/{shown['id']}"
    assert migrations(three, second, path, version="2.64", method="DELETE").status_code == 400
    assert migrations(three, second, path, version="2.65", method="DELETE").status_code == 202
    some_time(three)
    assert (status(second), host_of(second)) == ("cancelled", "h1")
    assert three.show(second)["status"] == "ACTIVE"
    assert [status(one) for one in (third, last)] == ["queued"] * 2
    # its time is all but over when its turn comes: it has all of it from then on
    waited = Operation.objects.filter(resource_id=third, kind=KIND)
    waited.update(deadline_at=now() + timedelta(hours=1))
    go_on(first)
    three.cloud.settle()
    assert [status(one) for one in (first, third, last)] == ["completed"] * 3
    ended = Migration.objects.filter(status="completed").order_by("updated_at")
    assert [str(one.instance_id) for one in ended] == [first, third, last]
    assert waited.get().deadline_at > now() + timedelta(hours=23)


def test_who_may_go_elsewhere_does_not_wait_for_a_host_that_is_taken(three: Lab) -> None:
    (first,), (second,), (third, fourth) = (
        on(three, "h1", 1),
        on(three, "h2", 1),
        on(three, "h3", 2),
    )
    move(three, first)
    hold_up(first)  # to h2
    move(three, third, host="h2")
    move(three, fourth)
    move(three, second)
    some_time(three)
    assert (status(third), why(third)) == ("queued", "migration_destination_busy")
    assert (status(fourth), host_of(fourth)) == ("completed", "h1")
    assert status(second) == "completed"  # in and out are counted apart
    go_on(first)
    three.cloud.settle()
    assert (status(third), host_of(third)) == ("completed", "h2")


def test_nobody_waits_where_there_is_no_limit(three: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = on(three, "h1", 2)
    move(three, first)
    hold_up(first)
    monkeypatch.setattr(conf, "LIVE_AT_ONCE", 0)
    move(three, second)
    some_time(three)
    assert status(second) == "completed"
    assert Instance.objects.get(id=first).task_state == "migrating"


def test_nobody_waits_for_one_that_goes_to_a_host_that_is_down(three: Lab) -> None:
    first, second = on(three, "h1", 2)
    move(three, first)
    hold_up(first)  # to h2
    three.cloud.kill_host("h2")
    move(three, second)
    some_time(three)
    assert (status(second), host_of(second)) == ("completed", "h3")
