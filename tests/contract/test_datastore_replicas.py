"""Replicas of real datastores: one follows, takes over, and the old source comes back. Never two that write."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from databases import objects
from databases.guest.drivers import postgresql_replicas
from databases.guest.failures import Refused
from databases.guest.methods import Methods, done
from databases.guest.program import serve_again
from databases.guest.report import report
from databases.manager.contents import ROOTS
from operations.certificates import Authority, new_authority
from tests.builders.datastores import PROGRAMS, Guests, Tenant, certify, data, guests_of
from tests.infrastructure import wait_until

ROOT = "secret of root"
SECRET = "it's: \\ %"
Says = Callable[[str], str]


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def guests(request: pytest.FixtureRequest) -> Iterator[Guests]:
    with guests_of(request.param) as found:
        yield found


def way_to(methods: Methods, slot: str) -> objects.ReplicaSource:
    """Return how a guest is followed, which it was told: over TLS."""
    access = objects.ReplicationAccess(user="replicator", password=SECRET, slot=slot)
    for _again in range(2):
        objects.ReplicationPoint.model_validate(methods.enable_replication(data(access)))
    return objects.ReplicaSource(
        address="127.0.0.1", port=methods.store().place.port, user="replicator", password=SECRET, slot=slot,
        authority=(methods.certificate.directory / "authority.pem").read_text(),
    )  # fmt: skip


def follow(methods: Methods, epoch: int, source: objects.ReplicaSource | None) -> dict[str, Any]:
    return methods.demote(data(objects.DemoteRequest(epoch=epoch, source=source)))


def promote(methods: Methods, epoch: int) -> dict[str, Any]:
    return methods.promote(data(objects.PromoteRequest(epoch=epoch)))


def arrives(says: Says, count: int) -> None:
    def is_there() -> bool:
        try:
            return says("SELECT COUNT(*) FROM t") == str(count)
        except PermissionError:  # it is being started
            return False

    wait_until(is_there, what=f"{count} rows are there")


def role(methods: Methods) -> str:
    found = objects.GuestReport.model_validate(report(methods, boot="b")["data"])
    assert found.position
    return f"{found.role} {found.status}"


class Writer(threading.Thread):
    """A client that tries to write all the time; ``done`` are the times at which it could."""

    def __init__(self, says: Says) -> None:
        super().__init__(daemon=True)
        self.says, self.done, self.ends = says, list[float](), threading.Event()

    def run(self) -> None:
        while not self.ends.is_set():
            with suppress(PermissionError):
                self.says("INSERT INTO w VALUES (1)")
                self.done.append(time.monotonic())

    def end(self) -> list[float]:
        self.ends.set()
        self.join()
        return self.done


def test_a_replica_takes_over_and_its_source_comes_back(
    guests: Guests, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_replicas, "SENDERS", 10)  # as an agent of before had it
    one, says, told = guests.new(
        "one",
        databases=(objects.Database(name="first"),),
        users=(objects.User(name="ann", password="secret 1", databases=("first",)),),
    )
    authority = Authority(new_authority())
    certify(one, authority)
    one.prepare({**told, "require_tls": True})
    with pytest.raises(PermissionError):
        says("SELECT 1")
    one.apply_configuration({"parameters": [], "require_tls": False})
    says("CREATE TABLE t (a int)")
    says("INSERT INTO t VALUES (1)")
    says("CREATE TABLE w (a int)")
    one.enable_root({"password": ROOT})
    if guests.name == "mariadb":  # as an agent of before let it in
        one.store()._sql("GRANT READ_ONLY ADMIN ON *.* TO 'root'@'%'")  # type: ignore[attr-defined]
    source = way_to(one, "replica_two")
    way_to(one, "replica_gone")
    access = objects.ReplicationAccess(user="replicator", password=SECRET, slots=("replica_two",))
    one.enable_replication(data(access))
    if one.kept["datastore"] == "postgresql":  # who follows no more holds up no log
        held = "SELECT slot_name FROM pg_replication_slots"
        assert one.store()._value(held) == "replica_two"  # type: ignore[attr-defined]
    two, two_says, told = guests.new("two", replica_of=source)
    certify(two, authority)
    for _again in range(2):
        two.prepare(told)
    says("INSERT INTO t VALUES (2)")
    arrives(two_says, 2)
    assert is_encrypted(one, two)
    monkeypatch.undo()
    assert not two.store().stands_still()
    if guests.name == "postgresql":  # its source was started by a newer agent than the replica
        one.restart({})
        wait_until(two.store().stands_still, what="the replica stands still")
        two.restart({})
        assert not two.store().stands_still()
    with pytest.raises(PermissionError):
        two_says("INSERT INTO t VALUES (9)")
    root = Tenant(two.store().place, guests.name)
    who = {"user": ROOTS[guests.name], "password": ROOT, "database": "first"}
    assert root.says("SELECT COUNT(*) FROM t", **who) == "2"
    for tried in ("INSERT INTO t VALUES (9)", "SET GLOBAL read_only = 0", "CREATE DATABASE others"):
        with pytest.raises(PermissionError):
            root.says(tried, **who)
    wanted = objects.CreateDatabases(databases=(objects.Database(name="others"),))
    with pytest.raises(Refused, match="its source has"):
        done(two, {"method": "guestagent.create_databases", "payload": wanted.dump()})
    assert (role(one), role(two)) == ("primary HEALTHY", "replica HEALTHY")
    assert [row["name"] for row in one.store().users()] == ["ann"]
    wait_until(lambda: two.metrics()["lag"] >= 0, what="the lag is known")
    assert one.metrics()["lag"] == -1
    with pytest.raises(Refused):
        one.create_users({"users": [data_of_user("replicator")]})

    # in good order: the source steps down first
    back = way_to(two, "one")
    assert follow(one, 5, back)["writable"] is False
    with pytest.raises(PermissionError):
        says("INSERT INTO t VALUES (9)")
    for _again in range(2):
        assert promote(two, 5)["writable"] is True
    two_says("INSERT INTO t VALUES (3)")
    arrives(says, 3)
    assert (role(one), role(two)) == ("replica HEALTHY", "primary HEALTHY")
    for late in (promote, lambda methods, epoch: follow(methods, epoch, None)):
        with pytest.raises(Refused, match="later failover"):
            late(one, 4)
    one.restart({})
    assert role(one) == "replica HEALTHY"

    # the source dies, and has what its replica never got
    wait_until(lambda: one.metrics()["lag"] == 0, what="the replica is up to date")
    stop_listening(one)
    two_says("INSERT INTO t VALUES (99)")
    two.guard({"asks_first": True})
    old, new = Writer(two_says), Writer(says)
    old.start()
    new.start()
    wait_until(lambda: old.done, what="clients write to the source")
    killed = time.monotonic()
    os.kill(two.store().process(), 9)
    wait_until(lambda: not two.store().process(), what="it is dead")
    before, behind = one.point(), two.kept
    assert objects.ReplicationPoint.model_validate(before).writable is False
    promote(one, 6)
    says("INSERT INTO t VALUES (4)")
    wait_until(lambda: new.done, what="clients write to the new source")
    two = guests.booted("two")
    assert two.kept == behind
    serve_again(two)  # it asks first: it took writes when its guest went down
    assert two.held
    assert report(two, boot="b")["data"]["status"] == "SHUTDOWN"
    follow(two, 6, way_to(one, "two"))
    assert not two.held
    written, rewritten = old.end(), new.end()
    assert written[-1] < rewritten[0], "two took writes"
    with capsys.disabled():
        print(f"\n{guests.name}: writers source {len(written)}, then none for "
              f"{rewritten[0] - killed:.1f} s, then replica {len(rewritten)}; never two")  # fmt: skip
    says("INSERT INTO t VALUES (5)")
    arrives(two_says, 5)
    assert two_says("SELECT COUNT(*) FROM t WHERE a = 99") == "0"
    assert role(two) == "replica HEALTHY"
    kept = "".join(
        path.read_text(errors="replace") for path in two.store().place.data.glob("*.conf")
    )
    assert SECRET not in kept

    # it becomes one of its own, and takes no writes when told
    assert promote(two, 7)["writable"] is True
    two_says("INSERT INTO t VALUES (6)")
    assert follow(two, 8, None)["writable"] is False
    with pytest.raises(PermissionError):
        two_says("INSERT INTO t VALUES (7)")


def is_encrypted(source: Methods, replica: Methods) -> bool:
    """Tell whether what is between both is."""
    store: Any = source.store()
    if store.name == "postgresql":
        shown = store._value(
            "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)"
        )
        return bool(shown == "t")
    said: dict[str, str] = replica.store()._said()  # type: ignore[attr-defined]
    return (said["Master_SSL_Allowed"], said["Master_SSL_Verify_Server_Cert"]) == ("Yes", "Yes")


def data_of_user(name: str) -> dict[str, Any]:
    return {"name": name, "host": "%", "password": "x", "databases": []}


def stop_listening(replica: Methods) -> None:
    """Cut a replica off from its source."""
    follow(replica, 5, None)
