"""The LDAP client against a real slapd: who gets in, who does not, and what an outage looks like."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity.directories import client
from identity.directories.conf import Directory
from identity.directories.entry import Entry
from identity.directories.exceptions import DirectoryUnavailable
from tests.builders.directory import GROUPS, PASSWORD, PEOPLE, SUFFIX, Slapd, private_slapd
from tests.infrastructure import free_port, wait_until


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    with private_slapd() as running:
        alice = running.add_person("alice", employeeNumber="7")
        bob = running.add_person("bob", password=None)
        running.add_person("mallory")
        dev = running.add_group("dev", alice, bob)
        running.add_group("all", dev)
        yield running


def log_in(directory: Directory, name: str, password: str) -> Entry | None:
    return client.authenticate(directory, client.by_name(directory, name), password)


def test_the_right_password_gives_the_user_with_his_groups(slapd: Slapd) -> None:
    found = log_in(slapd.directory(), "alice", PASSWORD)
    assert found is not None
    assert (found.name, found.email) == ("alice", "alice@corp.example")
    assert found.groups == {"dev"}
    assert len(found.external_id) == 36


def test_nested_groups_are_followed_if_asked_for(slapd: Slapd) -> None:
    found = log_in(slapd.directory(group_type="nestedGroupOfNames"), "alice", PASSWORD)
    assert found is not None
    assert found.groups == {"dev", "all"}


def test_without_a_group_base_no_groups_are_read(slapd: Slapd) -> None:
    found = log_in(slapd.directory(group_base=""), "alice", PASSWORD)
    assert found is not None
    assert found.groups == frozenset()


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "\0"),
        ("alice", f"{PASSWORD}\0"),
        ("bob", PASSWORD),
        ("bob", ""),
        ("nobody", PASSWORD),
        ("nobody", ""),
    ],
)
def test_others_stay_out(slapd: Slapd, name: str, password: str) -> None:
    assert log_in(slapd.directory(), name, password) is None


def test_the_server_itself_would_take_an_empty_password(slapd: Slapd) -> None:
    """The trap is real: the server says yes to a bind without password."""
    import ldap

    connection = ldap.initialize(slapd.socket_url)
    connection.simple_bind_s(f"uid=alice,{PEOPLE}", "")
    connection.unbind_s()


@pytest.mark.parametrize(
    "name",
    [
        "*",
        "alice)(objectClass=*",
        "*)(uid=alice",
        "alice)(|(uid=*",
        ")(cn=*))\0",
        "alice\0",
        "\\61lice",
        "a*ce",
        "%(user)s",
        "%s%s%s",
        f"alice,{PEOPLE}",
        "",
        " ",
        "é" * 255,
        "(" * 1000,
    ],
)
def test_hostile_names_find_nobody(slapd: Slapd, name: str) -> None:
    assert log_in(slapd.directory(), name, PASSWORD) is None


@pytest.mark.parametrize(
    "name", ["100%s", "o'neil (night)", "a*b", "back\\slash", "comma, plus+", "ümlaut", "#hash"]
)
def test_odd_names_are_just_names(slapd: Slapd, name: str) -> None:
    dn = slapd.add_person(name)
    group = slapd.add_group("odd", dn)
    try:
        found = log_in(slapd.directory(), name, PASSWORD)
        assert found is not None
        assert found.name == name
        assert found.groups == {"odd"}
        again = client.find(slapd.directory(), client.by_id(slapd.directory(), found.external_id))
        assert again == found
    finally:
        slapd.delete(group)
        slapd.delete(dn)


def test_the_id_outlives_a_new_name(slapd: Slapd) -> None:
    directory = slapd.directory()
    dn = slapd.add_person("miss")
    before = log_in(directory, "miss", PASSWORD)
    slapd.rename(dn, "uid=mrs")
    after = log_in(directory, "mrs", PASSWORD)
    slapd.delete(f"uid=mrs,{PEOPLE}")
    assert before is not None
    assert after is not None
    assert (before.external_id, after.name) == (after.external_id, "mrs")
    assert client.find(directory, client.by_id(directory, before.external_id)) is None


def test_the_filter_decides_who_is_a_user(slapd: Slapd) -> None:
    only = slapd.directory(user_filter="(employeeNumber=7)")
    assert log_in(only, "alice", PASSWORD) is not None
    assert log_in(only, "mallory", PASSWORD) is None


def test_two_entries_of_one_name_are_nobody(slapd: Slapd) -> None:
    first = slapd.add_person("twin")
    second = slapd.add(
        f"cn=twin,{PEOPLE}",
        objectClass="inetOrgPerson", cn="twin", sn="x", uid="twin", userPassword=PASSWORD,
    )  # fmt: skip
    assert log_in(slapd.directory(), "twin", PASSWORD) is None
    slapd.delete(first)
    slapd.delete(second)


def test_binary_ids_as_active_directory_has_them(slapd: Slapd) -> None:
    raw = bytes(range(250, 256)) + b"0123456789"
    dn = slapd.add_person("ad", jpegPhoto=raw)
    found = log_in(slapd.directory(id_attribute="jpegPhoto"), "ad", PASSWORD)
    slapd.delete(dn)
    assert found is not None
    assert found.external_id == raw.hex()


def test_start_tls_with_our_ca(slapd: Slapd) -> None:
    ca = str(slapd.home / "cert.pem")
    found = log_in(slapd.directory(url=slapd.url, start_tls=True, ca_file=ca), "alice", PASSWORD)
    assert found is not None


def test_a_certificate_that_nobody_we_know_signed_is_an_outage(slapd: Slapd) -> None:
    with pytest.raises(DirectoryUnavailable):
        log_in(slapd.directory(url=slapd.url, start_tls=True), "alice", PASSWORD)


@pytest.mark.parametrize(
    "overrides",
    [
        {"bind_password": "wrong"},
        {"bind_dn": f"cn=nobody,{SUFFIX}"},
        {"user_base": f"ou=gone,{SUFFIX}"},
        {"group_base": f"ou=gone,{GROUPS}"},
        {"user_filter": "(uid=*"},
    ],
)
def test_settings_that_do_not_fit_are_no_wrong_passwords(
    slapd: Slapd, overrides: dict[str, str]
) -> None:
    with pytest.raises(DirectoryUnavailable):
        log_in(slapd.directory(**overrides), "alice", PASSWORD)


def test_a_server_that_is_down(slapd: Slapd) -> None:
    down = slapd.directory(url=f"ldap://127.0.0.1:{free_port()}")
    with pytest.raises(DirectoryUnavailable, match="Users of other domains"):
        log_in(down, "alice", PASSWORD)
    with pytest.raises(DirectoryUnavailable):
        client.find(down, client.by_id(down, "x"))


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"ldap://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_never_answers_is_given_up(slapd: Slapd) -> None:
    with silent_server() as url, pytest.raises(DirectoryUnavailable):
        log_in(slapd.directory(url=url, timeout=1), "alice", PASSWORD)


def test_a_server_that_is_stopped_and_goes_on(slapd: Slapd) -> None:
    slapd.server.send_signal(signal.SIGSTOP)
    state = Path(f"/proc/{slapd.server.pid}/stat")  # the kernel stops its threads in its own time
    wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", what="it stands")
    try:
        with pytest.raises(DirectoryUnavailable):
            log_in(slapd.directory(timeout=1), "alice", PASSWORD)
    finally:
        slapd.server.send_signal(signal.SIGCONT)
    assert log_in(slapd.directory(), "alice", PASSWORD) is not None


def test_the_second_server_of_a_list_is_asked(slapd: Slapd) -> None:
    both = f"ldap://127.0.0.1:{free_port()} {slapd.url}"
    assert log_in(slapd.directory(url=both), "alice", PASSWORD) is not None
