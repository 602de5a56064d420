"""A source dies, is cut off, or comes back: a replica takes over from it. Never two that write."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.signals import post_save

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from databases import fake_guest, rpc
from databases.exceptions import InstanceNotAvailable
from databases.mailbox.reports import let_serve
from databases.manager import DatabaseInstanceManager, failovers
from databases.models import (
    Backup,
    DatabaseBackupSchedule,
    DatabaseInstance,
    Failover,
    FailoverWatch,
    FakeGuest,
    Letter,
)
from databases.operations import DeleteDatabase, FailOver
from databases.requests import InstanceRequest
from identity.models import User
from instances.manager import InstanceManager
from instances.models import Instance
from tests.builders.databases import make_datastores, make_fake_guest, make_instance
from tests.builders.identity import client_of, make_member
from tests.builders.instances import Lab
from tests.drills.databases import lab_of_databases, manager, ready

pytestmark = pytest.mark.django_db(transaction=True)
V1 = "/database/v1.0"


class Family:
    """A source and two replicas on a host of fake drivers, and how many of them took writes at every moment."""

    def __init__(self, made: Lab) -> None:
        self.made, self.cut_off = made, set[str]()
        self.writers: list[tuple[str, ...]] = []
        self.source = ready(made)
        for name in ("r1", "r2"):
            wanted = InstanceRequest(
                name=name, replica_of=self.source, network_id=str(made.network.id)
            )
            manager(made).create(wanted)
        made.cloud.settle()
        FakeGuest.objects.filter(instance__name="r2").update(
            state={**FakeGuest.objects.get(instance__name="r2").state, "written": 7}
        )
        self.place = f"{V1}/instances/{self.source}"

    def count(self, **_signal: Any) -> None:
        """Note who takes writes now."""
        guests = FakeGuest.objects.select_related("instance").order_by("instance__name")
        now_writing = tuple(one.instance.name for one in guests if fake_guest.is_writer(one))
        if not self.writers or self.writers[-1] != now_writing:
            self.writers.append(now_writing)

    def says(self, method: str, path: str = "", body: Any = None, *, status: int = 202) -> Any:
        """Ask as the tenant does."""
        answer = self.made.client.send(method, self.place + path, body)
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    def ask_for(self, **failover: Any) -> None:
        """Ask for failover."""
        self.says("PATCH", body={"instance": {"failover": failover}})

    def pass_time(self, seconds: int, *, waits: bool = False) -> None:
        """Let time pass, look every ten seconds, and let what begins go on, unless that ``waits``."""
        for _round in range(seconds // 10):
            earlier = timedelta(seconds=10)
            DatabaseInstance.objects.update(reported_at=F("reported_at") - earlier)
            FailoverWatch.objects.update(
                ill_since=F("ill_since") - earlier, looked_at=F("looked_at") - earlier
            )
            DatabaseInstanceManager(RequestContext.system()).watch_sources()
            self.made.cloud.pump() if waits else self.made.cloud.settle()

    def row(self, name: str) -> DatabaseInstance:
        return DatabaseInstance.objects.get(name=name)


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Family]:
    with lab_of_databases(tmp_path) as made:
        found = Family(made)
        spoken = failovers.fake_report

        def report(guest: FakeGuest) -> None:
            if guest.instance.name not in found.cut_off:
                spoken(guest)

        monkeypatch.setattr(failovers, "fake_report", report)
        post_save.connect(found.count, sender=FakeGuest)
        yield found
        post_save.disconnect(found.count, sender=FakeGuest)


def test_a_source_that_is_cut_off_is_fenced_and_comes_back_as_a_replica(
    family: Family, capsys: pytest.CaptureFixture[str]
) -> None:
    family.ask_for(automatic=True, after=60)
    assert family.says("GET", status=200)["instance"]["failover"] == {
        "automatic": True,
        "after": 60,
    }
    family.pass_time(60)
    assert not Failover.objects.exists()
    family.cut_off.add("db1")  # it serves its clients on
    family.pass_time(50)
    family.cut_off.remove("db1")
    family.pass_time(10)
    assert FailoverWatch.objects.get().ill_since is None
    family.cut_off |= {"db1", "r1", "r2"}  # it is us who are cut off
    family.pass_time(120)
    assert not Failover.objects.exists()
    family.cut_off = {"db1"}
    DatabaseBackupSchedule.objects.create(
        instance=family.row("db1"), name="nightly", interval=24, next_at=now() + timedelta(days=1)
    )
    family.pass_time(60)
    failover = Failover.objects.get()
    assert DatabaseBackupSchedule.objects.get().instance == family.row("r2")
    assert (failover.state, failover.source_name, failover.winner_name, failover.automatic) == (
        "done", "db1", "r2", True,
    )  # fmt: skip
    assert "server runs" in failover.reason
    family.cut_off.clear()
    family.pass_time(30)
    family.count()
    with capsys.disabled():
        print(
            "\nwriters at every moment:",
            " → ".join("+".join(one) or "none" for one in family.writers),
        )
    assert max(len(one) for one in family.writers) == 1
    # by operations that do not hold the source: several let one in at once, and none of them is late
    admitted = Letter.objects.filter(method=rpc.ENABLE_REPLICATION.name)
    assert [*admitted.values_list("epoch", flat=True)] == [0, 0, 0, 0]
    assert family.writers[-1] == ("r2",)
    rows = DatabaseInstance.objects.all()
    assert {one.name: one.replica_of and one.replica_of.name for one in rows} == {
        "db1": "r2", "r1": "r2", "r2": None,
    }  # fmt: skip
    assert {one.status for one in rows} == {"ACTIVE"}
    assert Instance.objects.get(id=str(family.row("db1").server_id)).vm_state == "active"
    assert Failover.objects.get().to_follow == {}
    assert FailoverWatch.objects.get().instance.name == "r2"


def test_a_dark_host_waits_for_a_human_and_its_return(family: Family) -> None:
    family.ask_for(automatic=True)
    family.pass_time(10)
    (host,) = family.made.guests
    family.made.cloud.kill_host(host)
    family.cut_off.add("db1")
    for _round in range(6):
        family.made.cloud.pass_time()
    family.pass_time(70, waits=True)
    waits = DatabaseInstanceManager(family.made.context).failover(family.source)
    assert waits.goes_on
    assert "an operator confirms" in waits.waits_for
    # meanwhile nobody else begins anything with any of them
    for name in ("db1", "r1", "r2"):
        for action in ("promote_to_replica_source", "eject_replica_source", "restart"):
            place = f"{V1}/instances/{family.row(name).id}/action"
            answer = family.made.client.send("POST", place, {action: {}})
            assert answer.status_code in (400, 422), answer.content
    with pytest.raises(InstanceNotAvailable):
        failovers.begin(family.made.context, family.row("db1"), reason="again")
    # it is heard: it stays what it is
    DatabaseInstance.objects.filter(name="db1").update(reported_at=now())
    family.made.cloud.pass_time()
    family.made.cloud.settle()
    first = Failover.objects.get()
    assert (first.state, first.error) == ("failed", "The source serves again: it stays the source.")
    assert family.row("r1").task == ""
    # it is silent again, and somebody looks
    family.pass_time(90, waits=True)
    operator = client_of(make_member("admin"))
    confirm = f"{V1}/mgmt/instances/{family.source}/action"
    heard = family.row("db1").reported_at
    DatabaseInstance.objects.filter(name="db1").update(  # it speaks, and does not serve now
        reported_at=now(), operating_status="FAILED"
    )
    answer = operator.send("POST", confirm, {"confirm-off": {"reason": "I believe so"}})
    assert (answer.status_code, "was heard last at" in answer.content.decode()) == (422, True)
    DatabaseInstance.objects.filter(name="db1").update(reported_at=heard)
    for reason, status in (("", 400), ("I pulled the plug", 202), ("again", 422)):
        answer = operator.send("POST", confirm, {"confirm-off": {"reason": reason}})
        assert answer.status_code == status, answer.content
        family.made.cloud.pump()
    newest = Failover.objects.first()
    assert newest is not None
    assert (newest.state, newest.winner_name) == ("done", "r2")
    assert newest.fenced_by == "an operator confirmed that it is off: I pulled the plug"
    # its guest boots by itself: it is held back, and follows
    fake_guest.switch(family.row("db1").id, off=False)
    assert FakeGuest.objects.get(instance__name="db1").state["held"] is True
    family.count()
    assert max(len(one) for one in family.writers) == 1


def test_a_source_that_was_ejected_from_a_dark_host_is_stopped_when_that_is_heard(
    family: Family,
) -> None:
    (host,) = family.made.guests
    rows = DatabaseInstanceManager(RequestContext.system())
    family.made.cloud.kill_host(host)
    family.cut_off.add("db1")

    def eject() -> Failover:
        DatabaseInstance.objects.filter(name="db1").update(reported_at=now() - timedelta(minutes=5))
        DatabaseInstance.objects.exclude(name="db1").update(reported_at=now())
        family.says("POST", "/action", {"eject_replica_source": {}})
        family.made.cloud.pump()
        found = Failover.objects.first()
        assert found is not None
        return found

    DatabaseInstance.objects.filter(name="db1").update(fault_at=now())
    first = eject()
    assert first.state == "fencing"
    family.says("PATCH", body={"instance": {"failover": {"automatic": False}}})  # called off
    family.made.cloud.pump()
    first.refresh_from_db()
    assert (first.state, first.error) == ("failed", "It was called off.")
    assert {one.name: one.status for one in DatabaseInstance.objects.all()} == {
        "db1": "ERROR", "r1": "ACTIVE", "r2": "ACTIVE",
    }  # fmt: skip

    second = eject()
    rows.confirm_off(family.source, reason="It is off, I believe")  # it is not
    family.made.cloud.pump()
    second.refresh_from_db()
    assert (second.state, second.winner_name, second.to_stop) == ("done", "r2", True)
    rows.watch_sources()  # nothing can be done yet
    Failover.objects.update(ended_at=now() - timedelta(days=91))
    rows.forget_old_failovers()
    assert [*Failover.objects.all()] == [second]  # its source is still held back
    let_serve(family.row("db1").id)  # and it is not told to serve, were it held back
    assert not Letter.objects.filter(instance__name="db1", state="posted").exists()
    family.made.cloud.dead.discard(host)
    family.made.cloud.pass_time()
    for _round in range(2):
        rows.watch_sources()
        family.made.cloud.settle()
    second.refresh_from_db()
    assert not second.to_stop
    rows.forget_old_failovers()
    assert not Failover.objects.exists()
    assert Instance.objects.get(id=str(family.row("db1").server_id)).vm_state == "stopped"
    family.cut_off.clear()
    rows.watch_sources()
    guests = FakeGuest.objects.select_related("instance")
    assert [one.instance.name for one in guests if fake_guest.is_writer(one)] == ["r2"]


def test_nobody_takes_over_from_a_server_that_was_started_meanwhile(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    family.ask_for(automatic=True)
    family.pass_time(10)
    asked, name = fake_guest._METHODS[rpc.REPLICATION_POINT.name], rpc.REPLICATION_POINT.name

    def started(*told: Any) -> Any:
        Instance.objects.filter(id=str(family.row("db1").server_id)).update(vm_state="active")
        return asked(*told)

    monkeypatch.setitem(fake_guest._METHODS, name, started)
    family.cut_off.add("db1")
    family.pass_time(70, waits=True)
    family.made.cloud.settle()
    assert "was started meanwhile" in Failover.objects.get().error
    assert family.row("r2").replica_of == family.row("db1")


def test_a_server_that_died_by_itself_is_started_where_nobody_takes_over(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_told: Any) -> Any:
        raise fake_guest.Refused("It cannot say.")

    family.ask_for(automatic=True)
    family.pass_time(10)
    monkeypatch.setitem(fake_guest._METHODS, rpc.REPLICATION_POINT.name, refused)
    InstanceManager(RequestContext.system()).stop(str(family.row("db1").server_id))
    family.made.cloud.settle()
    family.pass_time(120)
    assert "No replica said" in Failover.objects.get().error
    assert Instance.objects.get(id=str(family.row("db1").server_id)).vm_state == "active"
    guests = FakeGuest.objects.select_related("instance")
    assert [one.instance.name for one in guests if fake_guest.is_writer(one)] == ["db1"]


def test_a_source_that_dies_while_it_is_backed_up_is_replaced(family: Family) -> None:
    family.ask_for(automatic=True)
    family.pass_time(10)
    fake_guest.switch(family.row("db1").id, off=True)
    family.cut_off.add("db1")
    said = {"backup": {"name": "b", "instance": family.source}}
    answer = family.made.client.send("POST", f"{V1}/backups", said)
    assert answer.status_code == 202, answer.content
    family.pass_time(100, waits=True)
    family.made.cloud.settle()
    assert Backup.objects.get().status == "FAILED"
    assert Failover.objects.get().winner_name == "r2"


def test_a_delete_that_takes_its_place_is_not_undone_with_it(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, undone = [], FailOver.on_undone

    def seen(run: Any, failure: Any) -> None:
        undone(run, failure)
        tasks.append({one.name: one.task for one in DatabaseInstance.objects.all()})

    monkeypatch.setattr(FailOver, "on_undone", seen)
    (host,) = family.made.guests
    family.made.cloud.kill_host(host)
    DatabaseInstance.objects.filter(name="db1").update(reported_at=now() - timedelta(minutes=5))
    family.says("POST", "/action", {"eject_replica_source": {}})
    family.made.cloud.pump()
    DatabaseInstance.objects.filter(name="db1").update(task="SHUTDOWN")
    DatabaseInstance.objects.exclude(name="db1").update(replica_of=None)
    with transaction.atomic():
        DeleteDatabase.start(family.made.context, resource_id=family.source, preempt=True)
    family.made.cloud.pump()
    assert Failover.objects.get().state == "failed"
    assert tasks == [{"db1": "SHUTDOWN", "r1": "", "r2": ""}]


def test_many_sources_cost_one_look(django_assert_max_num_queries: Any) -> None:
    user: User = make_member("member")
    version = make_datastores()
    for number in range(12):
        source = make_instance(user, name=f"s{number}", version=version)
        make_instance(user, name=f"r{number}", version=version, replica_of=source)
        FailoverWatch.objects.create(instance=source, after=60)
    DatabaseInstance.objects.filter(name="s3").update(reported_at=now() - timedelta(minutes=5))
    watcher = DatabaseInstanceManager(RequestContext.system())
    with django_assert_max_num_queries(9):
        assert watcher.watch_sources() == []
    assert [one.instance.name for one in FailoverWatch.objects.exclude(ill_since=None)] == ["s3"]

    # one that came to nothing again and again is left alone for a while
    FailoverWatch.objects.exclude(ill_since=None).update(ill_since=now() - timedelta(minutes=3))
    source = DatabaseInstance.objects.get(name="s3")
    facts = {"source_id": source.id, "automatic": True, "state": "failed"}
    for minutes in (5, 10, 15):
        Failover.objects.create(**facts, ended_at=now() - timedelta(minutes=minutes))
    assert watcher.watch_sources() == []
    Failover.objects.update(ended_at=now() - timedelta(minutes=70))
    assert watcher.watch_sources() == [str(source.id)]


def test_one_that_became_a_replica_meanwhile_is_not_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user: User = make_member("member")
    source = make_instance(user)
    other = make_instance(user, name="r", version=source.version)

    def promoted(*_told: Any) -> None:
        DatabaseInstance.objects.filter(id=source.id).update(replica_of=other)

    monkeypatch.setattr(failovers, "ask", promoted)
    place = f"{V1}/instances/{source.id}"
    said = {"instance": {"failover": {"automatic": True}}}
    assert client_of(user).send("PUT", place, said).status_code == 422
    assert not FailoverWatch.objects.exists()


def test_one_that_follows_meanwhile_is_not_told_again() -> None:
    user: User = make_member("member")
    source = make_instance(user)
    keys = [str(make_instance(user, name=name, version=source.version, replica_of=source).id)
            for name in ("r1", "r2")]  # fmt: skip
    gone = str(uuid.uuid4())
    row = Failover.objects.create(source_id=source.id, to_follow={gone: 0, keys[0]: 1, keys[1]: 0})
    for _told in failovers.strayed():  # the first of them is done before the look has ended
        Failover.objects.filter(id=row.id).update(to_follow={gone: 0, keys[1]: 0})
    row.refresh_from_db()
    assert row.to_follow == {keys[1]: 1}


def test_what_cannot_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databases.conf.GUESTS", "fake")
    user: User = make_member("member")
    source, client = make_instance(user), client_of(user)
    make_fake_guest(source)
    replica = make_instance(user, name="r", version=source.version, replica_of=source)
    for instance, said, status in (
        (source, {"automatic": True, "after": 59}, 400),
        (source, {"automatic": True, "after": 3601}, 400),
        (source, {"automatic": True, "after": "soon"}, 400),
        (source, {"after": 60}, 400),
        (replica, {"automatic": True}, 400),
        (source, {"automatic": True}, 202),
        (source, {"automatic": False}, 202),
    ):
        place = f"{V1}/instances/{instance.id}"
        answer = client.send("PUT", place, {"instance": {"failover": said}})
        assert answer.status_code == status, (said, answer.content)
    assert not FailoverWatch.objects.exists()
    assert FakeGuest.objects.get().state["asks_first"] is False
    monkeypatch.setattr("databases.conf.GUESTS", "real")  # silent
    answer = client.send(
        "PUT", f"{V1}/instances/{source.id}", {"instance": {"failover": {"automatic": True}}}
    )
    assert answer.status_code == 422
