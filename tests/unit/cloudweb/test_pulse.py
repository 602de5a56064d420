"""A process shows progress while all its parts make some; a hang silences it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb import conf, process
from cloudweb.pulse import Pulse
from cloudweb.restarts import restarts
from cloudweb.supervisor import __main__ as main_module
from cloudweb.supervisor import child as child_module
from cloudweb.supervisor.__main__ import Supervisor
from cloudweb.supervisor.child import Child
from cloudweb.supervisor.watch import FIRST_WORD, Watch
from tests.infrastructure import scratch, wait_until


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    """A socket like systemd's, in no file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as made:
        made.bind("")  # the kernel finds an abstract name
        yield made


def address_of(ear: socket.socket) -> str:
    return "@" + ear.getsockname()[1:].decode()


def heard(ear: socket.socket) -> list[bytes]:
    words = []
    while True:
        try:
            words.append(ear.recv(100))
        except BlockingIOError:
            return words


def test_a_message_goes_out_once_every_part_has_beaten(ear: socket.socket) -> None:
    told = Pulse(address_of(ear))
    told.beat("unknown")
    told.part("a")
    told.part("b")
    for _ in range(5):
        told.beat("a")
    assert heard(ear) == []
    told.beat("b")
    assert heard(ear) == [b"WATCHDOG=1"]
    told.beat("b")
    assert heard(ear) == []  # now a is awaited again
    told.excuse("a")
    told.beat("b")
    assert heard(ear) == [b"WATCHDOG=1"]
    told.ready()
    assert heard(ear) == [b"READY=1"]


def test_messages_are_few(ear: socket.socket) -> None:
    told = Pulse(address_of(ear), limit=120)
    told.part("loop")
    for _ in range(1000):
        told.beat("loop")
    assert len(heard(ear)) == 1


def test_what_a_process_starts_does_not_speak_for_it(ear: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": address_of(ear), "WATCHDOG_USEC": "120000000", "HOME": "/root"}
    Pulse.of(environ).ready()
    assert (heard(ear), environ) == ([b"READY=1"], {"HOME": "/root"})
    for nobody in ({}, {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "soon"}):
        deaf = Pulse.of(nobody)
        deaf.part("a")
        deaf.beat("a")


def test_silence_is_counted_from_the_last_word_or_from_when_it_could_be_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("cloudweb.supervisor.watch.time.monotonic", lambda: clock[0])
    with scratch("watch") as home:
        watch = Watch(home / "host.notify", limit=60)
        assert watch.overdue() == 0  # nobody was started yet
        speaks = Pulse.of(watch.begin())
        clock[0] += 60 * FIRST_WORD
        assert watch.overdue() == 0  # it may take long to begin
        speaks.ready()
        clock[0] += 1
        assert watch.overdue() == 60 * FIRST_WORD + 1
        speaks.part("a")
        speaks.beat("a")
        assert watch.overdue() == 0
        clock[0] += 61
        watch.forgive()
        assert watch.overdue() == 0
        clock[0] += 61
        assert watch.overdue() == 61
        watch.begin()  # the next child
        assert watch.overdue() == 0
        assert watch.path.stat().st_mode & 0o777 == 0o600


def test_a_supervisor_that_was_away_itself_forgives_silence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock, forgiven = [1000.0], list[float]()
    monkeypatch.setattr(main_module.time, "monotonic", lambda: clock[0])
    watch = Watch(tmp_path / "x.notify", limit=60)
    monkeypatch.setattr(watch, "forgive", lambda: forgiven.append(clock[0]))
    child = Child("host", "true", log=tmp_path / "host.log", watch=watch)
    monkeypatch.setattr(child, "look", lambda: None)
    supervisor = Supervisor([child], banner=tmp_path / "banner")
    for seconds in (1, 9, 11, 1):
        clock[0] += seconds
        supervisor._look()
    assert forgiven == [1021.0]


HANGS = """
import sys, threading, time
sys.path.insert(0, {root!r})
from cloudweb.pulse import pulse
def in_a_deadlock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
pulse().part("a")
pulse().part("b")
print("up", flush=True)
while True:
    pulse().beat("a")
    if not {hangs!r}: pulse().beat("b")
    elif not threading.active_count() > 1: threading.Thread(target=in_a_deadlock).start()
    time.sleep(0.02)
"""


class Watched:
    """A real child under a watch of a second."""

    def __init__(self, home: Path, *, hangs: bool) -> None:
        program = HANGS.format(root=str(conf.ROOT), hangs=hangs)
        self.child = Child(
            "host", sys.executable, "-c", program, log=home / "host.log", vital=False,
            watch=Watch(home / "host.notify", limit=1),
        )  # fmt: skip
        self.log = home / "host.log"
        self.child.start()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.ask_to_end()
        self.child.wait_or_kill(time.monotonic())

    @property
    def pid(self) -> int | None:
        return self.child.running.pid if self.child.running else None

    def look_until_it_is_started_again(self) -> None:
        first = self.pid
        assert first is not None

        def again() -> bool:
            self.child.look()
            return self.pid not in (None, first)

        wait_until(again, what="it is started again")
        assert not Path(f"/proc/{first}").exists()


def test_a_child_with_a_thread_in_a_deadlock_is_looked_at_and_started_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cloudweb.supervisor.watch.FIRST_WORD", 2)
    with scratch("hang") as home, Watched(home, hangs=True) as watched:
        monkeypatch.setenv("CLOUDWEB_VAR", str(home))
        watched.look_until_it_is_started_again()
        log = watched.log.read_text()
        assert "in in_a_deadlock" in log  # where the thread stands
        assert "no progress for" in log
        assert "in 0.5 s" in log
        watched.look_until_it_is_started_again()
        assert "in 1 s" in watched.log.read_text()  # ever more slowly
        again = restarts()["host"]
        assert (again["count"], again["why"][:15]) == (2, "no progress for")
    assert "host: error: host makes no progress for" in capfd.readouterr().out


def test_a_child_that_is_stopped_is_ended_and_one_that_gets_on_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scratch("stop") as home, Watched(home, hangs=False) as watched:
        pid, until = watched.pid, time.monotonic() + 3
        while time.monotonic() < until:
            watched.child.look()
            time.sleep(0.05)
        assert watched.pid == pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: process.is_stopped(pid), what="it is stopped")
        watched.look_until_it_is_started_again()
        assert "is stopped" in watched.log.read_text()


def test_one_that_does_not_die_of_it_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(child_module, "DUMP_WITHIN", 0.0)
    program = "import signal, time; signal.signal(6, signal.SIG_IGN); time.sleep(100)"
    watch = Watch(tmp_path / "x.notify", limit=60)
    child = Child("api", sys.executable, "-c", program, log=tmp_path / "api.log", watch=watch)
    child.start()
    running = child.running
    assert running is not None
    wait_until(lambda: ignores_abort(running.pid), what="it ignores the signal")
    monkeypatch.setattr(watch, "overdue", lambda: 61.0)
    child.look()
    wait_until(lambda: child.look() or child.running is not running, what="it is gone")
    assert running.returncode == -9


def ignores_abort(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (mask,) = [line.split()[1] for line in lines if line.startswith("SigIgn")]
    return bool(int(mask, 16) & 1 << (signal.SIGABRT - 1))


@pytest.mark.parametrize("text", ["", "120", "0", "10"])
def test_the_setting(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("WATCHDOG", text)
    assert conf.watchdog() == float(text or 120)


@pytest.mark.parametrize("text", ["9", "-1", "soon", "1.5"])
def test_any_other_setting_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("WATCHDOG", text)
    with pytest.raises(ValueError, match="WATCHDOG"):
        conf.watchdog()
