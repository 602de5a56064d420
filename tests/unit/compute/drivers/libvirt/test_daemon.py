"""Which daemon, and when its run-time state may be believed."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute.drivers.base import HypervisorUnavailable
from compute.drivers.libvirt import daemon as module
from compute.drivers.libvirt.daemon import MACHINE_URI, Daemon, answers
from tests.infrastructure import scratch


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with scratch("libvirt") as path:
        monkeypatch.setattr(module, "MACHINE_SOCKETS", (path / "machine.sock",))
        yield path


def make_daemon(home: Path, uri: str = "auto") -> Daemon:
    return Daemon(home / "state", home / "run", uri)


def test_a_socket_file_without_a_listener_does_not_count(home: Path) -> None:
    path = home / "s"
    assert not answers(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert not answers(path)
        server.listen()
        assert answers(path)
    assert path.exists()
    assert not answers(path)


def test_the_machine_s_daemon_is_taken_where_it_answers_and_kept_when_it_does_not(
    home: Path,
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "machine.sock"))
        server.listen()
        assert make_daemon(home).uri() == MACHINE_URI
    # its guests are there: another daemon would not know them
    assert make_daemon(home).uri() == MACHINE_URI


def test_a_private_daemon_stays_the_one_after_the_machine_s_appeared(home: Path) -> None:
    assert make_daemon(home).is_private()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "machine.sock"))
        server.listen()
        assert make_daemon(home).is_private()


def test_an_explicit_uri_is_obeyed(home: Path) -> None:
    daemon = make_daemon(home, "qemu+ssh://elsewhere/system")
    assert daemon.uri() == "qemu+ssh://elsewhere/system"
    assert not daemon.is_private()


def test_without_root_or_program_the_operator_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HypervisorUnavailable, match="root"):
        make_daemon(home, "private").uri()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module.shutil, "which", lambda name, path: None)
    with pytest.raises(HypervisorUnavailable, match="apt-get install libvirt"):
        make_daemon(home, "private").uri()


def test_a_daemon_that_ends_at_once_is_reported_with_its_log(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*command: str, log: Path, pid_file: Path) -> int:
        log.write_text("libvirtd: bad configuration")
        return 1

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module.shutil, "which", lambda name, path: "/usr/sbin/libvirtd")
    monkeypatch.setattr(module.process, "start_detached", start)
    with pytest.raises(HypervisorUnavailable) as caught:
        make_daemon(home, "private").uri()
    assert "libvirtd.log" in caught.value.message
    assert "bad configuration" in caught.value.detail


def test_state_of_another_boot_is_forgotten_and_of_this_one_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = make_daemon(home, "private")
    daemon._prepare()
    status = daemon.run_dir / "libvirt" / "qemu" / "instance-1.xml"
    status.parent.mkdir(parents=True)
    status.touch()
    identity = (daemon.home / "host_uuid").read_text()
    daemon._prepare()
    assert status.exists()
    monkeypatch.setattr(module, "boot_identity", lambda: "another boot")
    daemon._prepare()
    assert not status.exists()
    assert (daemon.home / "host_uuid").read_text() == identity
    assert identity.strip() in (daemon.home / "etc" / "libvirtd.conf").read_text()
