"""What befalls a tenant's database on real guests, each read back by its clients."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from openstack.connection import Connection

from tests.host.cloud.conftest import Machine
from tests.host.cloud.databases import (
    PASSWORD,
    SERVES,
    VERSIONS,
    TenantDatabase,
    process_of,
    server_of,
)
from tests.host.cloud.rooms import Room
from tests.infrastructure import wait_until

#: What counts at once in MariaDB, and what after a restart alone.
SETTINGS, READ_SETTINGS = (
    {"max_connections": 37, "back_log": 77},
    "SELECT @@max_connections, @@back_log",
)
#: What time it is there, as the API says moments.
NOW = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


def authority_of(one: TenantDatabase, home: Path) -> Path:
    """Return a file with the authority that its clients know it by."""
    path = home / f"{one.id}.pem"
    path.write_text(one.ask("get", f"/instances/{one.id}/ssl").json()["ssl"]["authority"])
    return path


def is_known_by_its_own_authority(one: TenantDatabase, own: Path, foreign: Path) -> None:
    """Clients that look whom they reach reach it, and only so; where TLS is a must none comes without."""
    assert one.reads("SELECT 1", authority=own) == ["1"]
    assert one.says("SELECT 1", authority=foreign).returncode != 0
    one.change(access={"require_tls": True})
    assert one.reads("SELECT 1", authority=own) == ["1"]
    assert one.says("SELECT 1", is_bare=True).returncode != 0
    one.change(access={"require_tls": False})
    assert one.reads("SELECT 1", is_bare=True) == ["1"]


def lets_in_whom_it_is_told(one: TenantDatabase) -> None:
    """Another user sees what it was granted and no more, root what there is, and neither once they may not."""
    place = f"/instances/{one.id}"
    one.ask("post", f"{place}/databases", databases=[{"name": "ledger"}])
    one.ask("post", f"{place}/users", users=[{"name": "auditor", "password": PASSWORD}])
    assert one.says("SELECT a FROM t", user="auditor").returncode != 0
    one.ask("put", f"{place}/users/auditor/databases", databases=[{"name": "orders"}])
    assert one.reads("SELECT a FROM t", user="auditor") == ["41"]
    one.ask("delete", f"{place}/users/auditor/databases/orders")
    assert one.says("SELECT a FROM t", user="auditor").returncode != 0
    root = one.ask("post", f"{place}/root").json()["user"]
    who = {"user": root["name"], "password": root["password"]}
    one.reads("CREATE TABLE of_root (a int); DROP TABLE of_root", **who)
    one.ask("delete", f"{place}/root")
    assert one.says("SELECT 1", **who).returncode != 0


def has_settings_after_a_restart(books: TenantDatabase) -> None:
    """Of a configuration what can counts at once; for the rest it says that it waits for a restart."""
    of = {"type": books.datastore, "version": VERSIONS[books.datastore]}
    wanted = {"name": "few", "values": SETTINGS, "datastore": of}
    made = books.ask("post", "/configurations", configuration=wanted).json()["configuration"]
    before = books.reads(READ_SETTINGS)[1]
    books.change("RESTART_REQUIRED", configuration=made["id"])
    assert books.reads(READ_SETTINGS) == ["37", before]
    books.act(restart={})
    assert books.reads(READ_SETTINGS) == ["37", "77"]


def keep_log(one: TenantDatabase) -> None:
    """Have its log kept, so that one can go back to any moment after its next backup."""
    one.ask("put", f"/instances/{one.id}/point_in_time", point_in_time={"enabled": True})
    one.rests("HEALTHY")


def moment_of(one: TenantDatabase) -> str:
    """Return what time it is there."""
    (moment,) = one.reads(NOW)
    return moment


def wait_for_log(one: TenantDatabase, moment: str) -> None:
    """Wait until its log is kept up to a moment."""

    def latest() -> str:
        found = one.ask("get", f"/instances/{one.id}/point_in_time").json()["point_in_time"]
        return str(found["latest"] or "")

    wait_until(lambda: latest() > moment, timeout=SERVES, what="the log is kept")


def kill_guest(machine: Machine, admin: Connection, one: TenantDatabase) -> None:
    """End its guest as a fault of its host would."""
    guests = machine.host_directory / "compute" / "guests"
    os.kill(process_of(server_of(admin, one).id, guests), signal.SIGKILL)


def serves_again_after_its_guest_died(
    machine: Machine, admin: Connection, one: TenantDatabase
) -> None:
    """It is shown to be off, and serves what it had once its tenant restarts it."""
    rows = one.rows()
    kill_guest(machine, admin, one)

    def is_off() -> bool:
        return bool(one.shown()["operating_status"] == "SHUTDOWN")

    wait_until(is_off, timeout=SERVES, what="the database is shown to be off")
    one.act(restart={})
    assert one.rows() == rows


class Proof:
    """A backup on trial: restored to a database that nobody sees."""

    def __init__(self, one: TenantDatabase, backup: str) -> None:
        self._one, self._backup = one, backup
        one.ask("post", "/backup_proofs", backup_proof={"backup": backup})

    def comes(self) -> None:
        """Wait until it is proven; fail at once where it cannot be."""

        def proven() -> bool:
            found = self._one.ask("get", f"/backups/{self._backup}").json()["backup"]
            failed = found["proof_fault"] or found["proof_note"]
            assert not failed, found
            return found["restore_proven_at"] is not None

        wait_until(proven, timeout=2 * SERVES, what="the backup is proven")


class Death:
    """A source dies that a replica takes over from by itself: nobody is asked for anything."""

    def __init__(
        self, machine: Machine, admin: Connection, source: TenantDatabase, replica: TenantDatabase
    ) -> None:
        self._source, self._replica = source, replica
        wanted = {"failover": {"automatic": True, "after": 60}}
        source.ask("patch", f"/instances/{source.id}", instance=wanted)
        self._began = time.monotonic()
        kill_guest(machine, admin, source)

    def is_got_over(self, row: int) -> float:
        """Wait until the replica is the source and takes a row; return after how many seconds it did."""
        new = self._replica
        wait_until(lambda: not self._follows(new), timeout=SERVES, what="the replica takes over")
        wait_until(lambda: new.takes(row), timeout=SERVES, what="the new source takes writes")
        return time.monotonic() - self._began

    def is_undone(self) -> None:
        """Wait until the old source follows the new one, has what that has, and takes no writes."""
        old, new = self._source, self._replica

        def follows() -> bool:
            assert not old.takes(0)
            return self._follows(old) and old.rows() == new.rows()

        wait_until(follows, timeout=2 * SERVES, what="the old source follows")
        old.rests("HEALTHY")
        assert not old.takes(0)
        assert new.rows() == old.rows()

    @staticmethod
    def _follows(one: TenantDatabase) -> bool:
        return "replica_of" in one.shown()


def live_through(
    machine: Machine,
    admin: Connection,
    rooms: Sequence[Room],
    *,
    home: Path,
    done: Callable[[str], None],
    hostile: Callable[[TenantDatabase, TenantDatabase, str], None],
) -> str:
    """Let a PostgreSQL and a MariaDB of two tenants live through all of it; return how long what took."""
    here, there = rooms
    shop, books = TenantDatabase(here), TenantDatabase(there, "mariadb")
    for one in (shop, books):
        one.serves()
    done("both serve")
    for one in (shop, books):
        one.reads("CREATE TABLE t (a int); INSERT INTO t VALUES (41)")
    assert shop.says("SELECT 1", room=there).returncode != 0
    assert books.says("SELECT 1", room=here).returncode != 0
    papers = [authority_of(one, home) for one in (shop, books)]
    is_known_by_its_own_authority(shop, *papers)
    is_known_by_its_own_authority(books, *papers[::-1])
    done("TLS")
    for one in (shop, books):
        lets_in_whom_it_is_told(one)
    done("users")

    keep_log(shop)
    backup = shop.back_up()
    done("backup")
    assert shop.takes(42)
    added = shop.back_up(parent_id=backup, incremental=True)
    done("incremental")
    assert shop.takes(43)
    moment = moment_of(shop)
    assert shop.takes(44)
    replica = TenantDatabase(here, replica_of=shop.id)
    hostile(shop, books, backup)
    done("hostile")
    replica.serves()
    done("replica")
    assert not replica.takes(0)
    wait_for_log(shop, moment)
    done("log")
    replica.act(promote_to_replica_source={})
    assert replica.takes(45)
    assert not shop.takes(0)
    wait_until(lambda: shop.rows() == ["41", "42", "43", "44", "45"], what="it follows")
    shop.rests("HEALTHY")
    done("promote")

    # nobody is asked for what replaces the source, so there is time for all else
    death = Death(machine, admin, source=replica, replica=shop)
    restored = TenantDatabase(here, restorePoint={"backupRef": added})
    then = TenantDatabase(here, restorePoint={"instance": shop.id, "time": moment})
    proof = Proof(shop, added)
    has_settings_after_a_restart(books)
    books.act(resize={"volume": {"size": 2}})
    serves_again_after_its_guest_died(machine, admin, books)
    done("settings, room, a dead guest")
    restored.serves()
    assert restored.rows() == ["41", "42"]
    then.serves()
    assert then.rows() == ["41", "42", "43"]
    done("restore, a moment")
    dead = death.is_got_over(46)
    done("failover")
    death.is_undone()
    assert shop.rows() == ["41", "42", "43", "44", "45", "46"]
    done("the old source follows")
    proof.comes()
    done("trial")
    for one in (replica, shop, restored, then, books):
        one.delete()
    return (
        f"PostgreSQL served {shop.took:.1f} s after its order, MariaDB {books.took:.1f} s, a replica "
        f"{replica.took:.1f} s, a restore {restored.took:.1f} s, a moment {then.took:.1f} s; "
        f"a row {dead:.1f} s after the source died"
    )
