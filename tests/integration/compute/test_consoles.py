"""Consoles of a host: tickets count once, all viewers see one line, nobody makes another wait."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudweb.driver import DriverError, Unguarded
from compute.consoles import ConsoleDesk, desk, hub
from compute.consoles.desk import Door
from compute.drivers.base import GuestNotFound
from compute.drivers.fake import FakeDriver
from compute.objects import ConsoleEntry, ConsoleOpening
from operations.certificates import Authority, new_authority, write_certificate
from tests.builders.guests import make_guest, ref
from tests.infrastructure import PATIENCE

GUEST = "11111111-1111-4111-8111-111111111111"
SERIAL = ConsoleOpening(id=GUEST, name="g", kind="serial")
VNC = ConsoleOpening(id=GUEST, name="g", kind="vnc")


@pytest.fixture
def driver(tmp_path: Path) -> FakeDriver:
    made = FakeDriver(state_dir=tmp_path, host="h1")
    made.start(lambda change: None)
    guest = make_guest(id=GUEST, name="guest-g")
    made.spawn(guest, images={}, work=Unguarded())
    return made


@pytest.fixture
def console(driver: FakeDriver, tmp_path: Path) -> ConsoleDesk:
    return ConsoleDesk(driver, Door(path=tmp_path / "c.sock", certificates=tmp_path / "tls"))


@contextmanager
def look(entry: ConsoleEntry, ticket: str | None = None) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE)
        line.connect(entry.path)
        line.sendall(f"{ticket or entry.ticket}\n".encode())
        yield line


def until(line: socket.socket, wanted: bytes) -> bytes:
    found = b""
    while wanted not in found:
        part = line.recv(4096)
        assert part, (wanted, found)
        found += part
    return found


def test_what_is_typed_is_seen_by_all_who_look(console: ConsoleDesk) -> None:
    with look(console.open(SERIAL)) as one, look(console.open(SERIAL)) as two:
        assert until(one, b"$ ").startswith(b"ok\n")
        until(two, b"$ ")
        one.sendall(b"hello\r")
        assert b"you said: hello" in until(one, b"said: hello")
        assert b"you said: hello" in until(two, b"said: hello")
        with look(console.open(SERIAL)) as late:
            assert b"you said: hello" in until(late, b"said: hello")


def test_a_ticket_counts_once_for_a_minute_and_for_its_guest(
    console: ConsoleDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = console.open(SERIAL)
    with look(entry) as first:
        until(first, b"ok\n")
        for wrong in (entry.ticket, "x" * 43, ""):
            with look(entry, wrong or " ") as refused:
                assert refused.recv(1) == b""
    monkeypatch.setattr(desk, "TICKET", -1.0)
    with look(console.open(SERIAL)) as late:
        assert late.recv(1) == b""
    with pytest.raises(GuestNotFound):
        console.open(ConsoleOpening(id=GUEST.replace("1", "2"), name="g", kind="serial"))
    monkeypatch.setattr(desk, "TICKET", 60.0)
    monkeypatch.setattr(desk, "MOST_TICKETS", 1)
    console.open(SERIAL)
    with pytest.raises(DriverError):
        console.open(SERIAL)


def test_a_console_comes_back_with_its_guest_and_ends_with_it(
    console: ConsoleDesk, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "AGAIN", 0.01)
    spec = make_guest(id=GUEST, name="guest-g")
    driver.power_off(ref(spec), timeout=0, work=Unguarded())
    with look(console.open(SERIAL)) as line:
        until(line, b"does not run")
        driver.power_on(spec, work=Unguarded())
        until(line, b"Simulated guest")
    driver.power_off(ref(spec), timeout=0, work=Unguarded())
    with look(console.open(SERIAL)) as line:
        until(line, b"does not run")
        driver.destroy(ref(spec), work=Unguarded())
        while line.recv(4096):
            pass


def test_who_does_not_read_loses_the_oldest_and_keeps_nobody_waiting() -> None:
    viewer = hub.Viewer(b"")
    for number in range(100):
        viewer.show(bytes([number]) * 10_000)
    waiting = bytes(viewer._waiting)
    assert len(waiting) == hub.BEHIND
    assert waiting[-1] == 99


def test_a_screen_is_drawn(console: ConsoleDesk) -> None:
    with look(console.open(VNC)) as screen:
        assert until(screen, b"RFB 003.008\n").startswith(b"ok\n")
        screen.sendall(b"RFB 003.008\n")
        until(screen, b"\x01\x01")
        screen.sendall(b"\x01")
        screen.sendall(b"\x01")
        until(screen, b"guest-g")


def test_another_machine_comes_in_by_tls(driver: FakeDriver, tmp_path: Path) -> None:
    write_certificate(Authority(new_authority()), "h1", tmp_path / "tls")
    door = Door(path=tmp_path / "t.sock", certificates=tmp_path / "tls", address="127.0.0.1")
    entry = ConsoleDesk(driver, door).open(SERIAL)
    context = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca-cert.pem"))
    plain = socket.create_connection((entry.address, entry.port), timeout=PATIENCE)
    with context.wrap_socket(plain, server_hostname="h1") as line:
        line.sendall(f"{entry.ticket}\n".encode())
        assert until(line, b"$ ").startswith(b"ok\n")
    stranger = socket.create_connection((entry.address, entry.port), timeout=PATIENCE)
    with pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(stranger, server_hostname="h2")
