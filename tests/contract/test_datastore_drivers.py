"""One suite on both datastores: what a tenant orders, looked at through his own connection.

The real programs run as their own users in a directory of their own; where a datastore is not installed,
its half is skipped.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from databases import objects
from databases.bootstrap import parameters_of
from databases.defaults import DEFAULTS, Value
from databases.guest.commands import CommandFailed
from databases.guest.drivers.mariadb import FIXED as MARIADB_FIXED
from databases.guest.drivers.postgresql import FIXED as POSTGRESQL_FIXED
from databases.guest.failures import Exists, NotFound, Refused
from databases.guest.methods import Methods
from databases.guest.place import Place
from databases.manager.contents import LOGS
from operations.certificates import Authority, new_authority
from tests.builders.datastores import PROGRAMS, Tenant, certify, data, small

#: A setting that counts at once, one that waits for a restart, one out of its limits, in each datastore.
SETTINGS = {
    "postgresql": (("work_mem", "8MB"), ("max_connections", "42"), ("work_mem", "-7")),
    "mariadb": (
        ("max_connections", "42"),
        ("back_log", "77"),
        ("max_connections", "0"),
    ),
}
NASTY = "a'b\"c`d; --"


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def prepared(request: pytest.FixtureRequest) -> Iterator[tuple[Methods, Tenant]]:
    """Return a datastore that was prepared twice, and a tenant of it."""
    name = request.param
    if shutil.which(PROGRAMS[name]) is None:
        pytest.skip(f"{name} is not installed")
    home = Path(tempfile.mkdtemp(prefix="guest"))
    home.chmod(0o755)
    owner = {"postgresql": "postgres", "mariadb": "mysql"}[name] if os.geteuid() == 0 else ""
    (home / "base").mkdir()  # whose who formatted the volume is, not the datastore's
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def place(_name: str, _base: Path) -> Place:
        return Place(data=home / "base" / name, run=home / "run", port=port, user=owner,
                     address="127.0.0.1", fixed=small(name, home / "run"))  # fmt: skip

    methods = Methods(home / "state", places=place)
    told = objects.PrepareDatastore(
        datastore=name,
        version="1",
        databases=(objects.Database(name="first"),),
        users=(objects.User(name="ann", password="secret 1", databases=("first",)),),
        parameters=(objects.Parameter(name="max_connections", value="30"),),
    )
    try:
        try:
            methods.prepare(data(told))
        except CommandFailed as error:
            error.add_note(error.detail)
            raise
        methods.prepare(data(told))
        yield methods, Tenant(place("", home), name)
    finally:
        methods.stop({})
        shutil.rmtree(home)


def page(limit: int = 20, **facts: Any) -> dict[str, Any]:
    return data(objects.PageRequest(limit=limit, **facts))


def names(answer: dict[str, Any], kind: str) -> list[str]:
    return [str(row["name"]) for row in answer[kind]]


def test_a_client_that_failed_or_was_cut_off_is_followed_by_another(
    prepared: tuple[Methods, Tenant],
) -> None:
    methods, _ = prepared
    with pytest.raises(CommandFailed, match="did not do it"):
        methods.store()._sql("SELECT 1 FROM nowhere.nothing")
    there = names(methods.list_users(page()), "users")
    assert methods.metrics()["connections"] == 0
    methods.restart({})
    assert names(methods.list_users(page()), "users") == there


def test_what_it_began_with_is_there(prepared: tuple[Methods, Tenant]) -> None:
    methods, tenant = prepared
    ann = {"user": "ann", "password": "secret 1", "database": "first"}
    tenant.says("CREATE TABLE t (a int)", **ann)
    tenant.says("INSERT INTO t VALUES (41)", **ann)
    assert tenant.says("SELECT a + 1 FROM t", **ann) == "42"
    with pytest.raises(PermissionError):
        tenant.says("SELECT 1", **{**ann, "password": "secret 2"})
    found = methods.diagnostics({})
    assert found["memory"] > 1000
    assert found["metrics"]["connections_limit"] >= 30
    assert found["metrics"]["data_size"] > 1_000_000
    objects.Diagnostics.model_validate(found)


def test_databases_are_made_listed_and_dropped(prepared: tuple[Methods, Tenant]) -> None:
    methods, _ = prepared
    wanted = tuple(objects.Database(name=name) for name in ("b_1", "b_2", NASTY))
    for _again in range(2):
        methods.create_databases(data(objects.CreateDatabases(databases=wanted)))
    found = methods.list_databases(page())
    objects.DatabaseList.model_validate(found)
    assert {"b_1", "b_2", NASTY, "first"} == {*names(found, "databases")}
    one = methods.list_databases(page(1, marker="b_1"))
    assert (names(one, "databases"), one["next_marker"]) == (["b_2"], "b_2")
    for name in ("b_1", NASTY, NASTY):
        methods.delete_database({"name": name})
    assert names(methods.list_databases(page()), "databases") == ["b_2", "first"]
    methods.delete_database({"name": "b_2"})


@pytest.mark.parametrize("name", ["", "x" * 65, "a/b", "a\nb", " a", "postgres", "mysql", "MySQL"])
def test_a_name_that_may_not_be_is_refused(prepared: tuple[Methods, Tenant], name: str) -> None:
    methods, _ = prepared
    others = methods.store().reserved_databases | methods.store().reserved_users
    if name.lower() not in ("postgres", "mysql") or name.lower() in others:
        kind = objects.CreateUsers(users=(objects.User(name=name, password="p"),))
        with pytest.raises(Refused):
            methods.create_users(data(kind))
        with pytest.raises(Refused):
            methods.create_databases(
                data(objects.CreateDatabases(databases=(objects.Database(name=name),)))
            )


def test_a_character_set_that_is_none_is_refused(prepared: tuple[Methods, Tenant]) -> None:
    methods, _ = prepared
    wanted = objects.Database(name="odd", character_set="klingon")
    with pytest.raises(Refused):
        methods.create_databases(data(objects.CreateDatabases(databases=(wanted,))))


def test_users_share_what_they_are_granted_and_nothing_else(
    prepared: tuple[Methods, Tenant],
) -> None:
    methods, tenant = prepared
    bob = {"user": "bob", "password": "it's: \\ %", "database": "shared"}
    eve = {"user": "eve", "password": "e", "database": "shared"}
    users = (
        objects.User(name="bob", password=bob["password"], databases=("shared",)),
        objects.User(name="eve", password="e"),
    )
    for _again in range(2):
        methods.create_users(data(objects.CreateUsers(users=users)))
    tenant.says("CREATE TABLE mine (a int)", **bob)
    with pytest.raises(PermissionError):
        tenant.says("SELECT * FROM mine", **eve)
    access = data(objects.AccessRequest(name="eve", databases=("shared",)))
    methods.grant(access)
    assert methods.list_access({"name": "eve", "host": "%"}) == {"databases": ["shared"]}
    tenant.says("INSERT INTO mine VALUES (1); CREATE TABLE hers (a int)", **eve)
    assert tenant.says("SELECT count(*) FROM hers", **bob) == "0"
    for _again in range(2):
        methods.revoke(access)
    with pytest.raises(PermissionError):
        tenant.says("SELECT * FROM mine", **eve)
    with pytest.raises(NotFound):
        methods.grant({**access, "databases": ["nowhere"]})
    with pytest.raises(NotFound):
        methods.grant({**access, "name": "nobody"})

    change = objects.UserChange(name="bob", new_name="rob", new_password="new")
    with pytest.raises(Exists):
        methods.update_user(data(objects.UserChange(name="bob", new_name="eve")))
    for _again in range(2):
        methods.update_user(data(change))
    assert tenant.says("SELECT a FROM mine", **{**bob, "user": "rob", "password": "new"}) == "1"
    listed = methods.list_users(page())
    objects.UserList.model_validate(listed)
    assert names(listed, "users") == ["ann", "eve", "rob"]
    assert methods.get_user({"name": "rob", "host": "%"})["users"][0]["databases"] == ["shared"]
    for name in ("rob", "rob", "eve"):
        methods.delete_user({"name": name, "host": "%"})
    assert methods.get_user({"name": "rob", "host": "%"})["users"] == []
    methods.delete_database({"name": "shared"})


def test_root_comes_in_only_while_enabled(prepared: tuple[Methods, Tenant]) -> None:
    methods, tenant = prepared
    root, base = ("postgres", "postgres") if tenant.datastore == "postgresql" else ("root", "mysql")
    asked = {"user": root, "password": "rooted", "database": base}
    assert methods.is_root_enabled({}) == {"enabled": False}
    with pytest.raises(PermissionError):
        tenant.says("SELECT 1", **asked)
    for _again in range(2):
        methods.enable_root({"password": "rooted"})
    assert methods.is_root_enabled({}) == {"enabled": True}
    tenant.says("CREATE DATABASE made_by_root", **asked)
    for _again in range(2):
        methods.disable_root({})
    with pytest.raises(PermissionError):
        tenant.says("SELECT 1", **asked)
    assert names(methods.list_users(page()), "users") == ["ann"]
    methods.delete_database({"name": "made_by_root"})


def test_the_agents_own_way_in_is_shut_for_tenants(prepared: tuple[Methods, Tenant]) -> None:
    _, tenant = prepared
    admin = "cloudweb_admin" if tenant.datastore == "postgresql" else "root"
    with pytest.raises(PermissionError):
        tenant.says("SELECT 1", user=admin, password="", database="first")


def settings(*pairs: tuple[str, str]) -> dict[str, Any]:
    wanted = tuple(objects.Parameter(name=name, value=value) for name, value in pairs)
    return data(objects.Configuration(parameters=wanted))


def test_settings_count_at_once_or_after_a_restart(prepared: tuple[Methods, Tenant]) -> None:
    methods, tenant = prepared
    soon, late, wrong = SETTINGS[tenant.datastore]
    ann = {"user": "ann", "password": "secret 1", "database": "first"}
    show = "SHOW {}" if tenant.datastore == "postgresql" else "SELECT @@{}"
    methods.apply_configuration(settings(("max_connections", "30")))
    methods.restart({})
    assert methods.apply_configuration(settings(soon)) == {
        # that one falls back to its default
        "restart_required": ["max_connections"] if tenant.datastore == "postgresql" else []
    }
    assert tenant.says(show.format(soon[0]), **ann) == soon[1]
    tenant.says("CREATE TABLE kept AS SELECT 41 AS a", **ann)
    assert methods.apply_configuration(settings(soon, late)) == {"restart_required": [late[0]]}
    for refused in (wrong, ("port", "1"), ("no_such_setting", "1"), (soon[0], "1\nport=1")):
        with pytest.raises(Refused):
            methods.apply_configuration(settings(soon, late, refused))
    assert methods.restart({}) == {"restart_required": []}
    assert tenant.says(show.format(late[0]), **ann) == late[1]
    assert tenant.says("SELECT a FROM kept", **ann) == "41"


def test_what_is_said_of_parameters_is_so(prepared: tuple[Methods, Tenant]) -> None:
    """Each that tenants may set is one the guest sets, and has the default that is said of it."""
    _, tenant = prepared
    kept, statement = {
        "postgresql": (POSTGRESQL_FIXED, "SELECT name || chr(9) || boot_val FROM pg_settings"),
        "mariadb": (
            MARIADB_FIXED,
            "SELECT LOWER(VARIABLE_NAME), DEFAULT_VALUE FROM information_schema.SYSTEM_VARIABLES",
        ),
    }[tenant.datastore]
    said = tenant.says(statement, user="ann", password="secret 1", database="first")
    found = dict(line.split("\t") for line in said.splitlines() if "\t" in line)
    found = {name.lower(): value for name, value in found.items()}
    offered = {one.name for one in parameters_of(tenant.datastore)}
    assert offered <= found.keys() - kept
    defaults = DEFAULTS[tenant.datastore]
    assert defaults.keys() <= offered
    words = {True: ("on", "1"), False: ("off", "0")}

    def same(value: Value, its: str) -> bool:
        if isinstance(value, bool):
            return its.lower() in words[value]
        return its == value if isinstance(value, str) else float(its) == value

    assert {
        name: found[name] for name, value in defaults.items() if not same(value, found[name])
    } == {}


def test_logs_are_read_from_their_end(prepared: tuple[Methods, Tenant]) -> None:
    methods, tenant = prepared
    found = methods.tail_log(data(objects.LogRequest(name=tenant.datastore, lines=3)))
    objects.LogText.model_validate(found)
    assert 1 <= len(found["text"].splitlines()) <= 3
    assert found["size"] > 0
    with pytest.raises(NotFound):
        methods.tail_log(data(objects.LogRequest(name="../../etc/shadow")))
    assert "secret 1" not in methods.store().logs()[tenant.datastore].read_text()
    assert {*LOGS[tenant.datastore].values()} == methods.store().logs().keys()


def test_clients_come_by_tls_and_know_whom_they_reach(
    prepared: tuple[Methods, Tenant], tmp_path: Path
) -> None:
    methods, tenant = prepared
    ann = {"user": "ann", "password": "secret 1", "database": "first"}
    ours, another = (Authority(new_authority(name)) for name in ("ours", "another"))
    (stranger := tmp_path / "stranger.pem").write_text(another.certificate_pem)
    (first := tmp_path / "first.pem").write_text(ours.certificate_pem)
    before = methods.certificate.request()
    key = ec.generate_private_key(ec.SECP256R1()).public_key()  # not the one that it made
    told = {
        "certificate": another.certify(key, "database", names=[], life=timedelta(days=1)),
        "authority": another.certificate_pem,
        "until": 1.0,
    }
    with pytest.raises(Refused, match="another key"):
        methods.install_certificate(told)
    assert methods.certificate.request() == before
    certify(methods, ours)
    if tenant.datastore == "mariadb":  # it was started without
        methods.restart({})
    assert methods.certificate.request() == ""
    cipher = {
        "postgresql": "\\conninfo",
        "mariadb": "SHOW STATUS LIKE 'Ssl_version'",
    }[tenant.datastore]
    assert "TLSv1.3" in tenant.says(cipher, **ann, authority=str(first))
    with pytest.raises(PermissionError, match="certificate"):
        tenant.says("SELECT 1", **ann, authority=str(stranger))

    # renewed, by the other authority, while it serves
    methods.certificate._kept |= {"since": 1.0, "until": 2.0}
    certify(methods, another)
    with pytest.raises(PermissionError, match="certificate"):
        tenant.says("SELECT 1", **ann, authority=str(first))
    assert "TLSv1.3" in tenant.says(cipher, **ann, authority=str(stranger))

    for required in (True, False):
        told = {**settings(), "require_tls": required}
        methods.apply_configuration(told)
        methods.restart({})
        assert "TLSv1.3" in tenant.says(cipher, **ann, authority=str(stranger))
        if required:
            with pytest.raises(PermissionError):
                tenant.says("SELECT 1", **ann)
    assert tenant.says("SELECT 1", **ann) == "1"
    for name in ("ssl", "ssl_cert_file", "ssl_ciphers", "ssl_key", "require_secure_transport"):
        with pytest.raises(Refused):
            methods.apply_configuration(settings((name, "on")))


def test_a_killed_datastore_serves_again(prepared: tuple[Methods, Tenant]) -> None:
    methods, tenant = prepared
    os.kill(methods.store().process(), 9)
    while methods.store().process():
        pass
    assert methods.metrics().get("connections") is None
    methods.start({})
    assert tenant.says("SELECT 1", user="ann", password="secret 1", database="first") == "1"
