"""``make run`` right after a crash waits for its own dying children, and touches nobody else."""

from __future__ import annotations

import os
import signal
import subprocess  # noqa: TID251 - the type alone
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb.supervisor import forerunners
from cloudweb.supervisor.child import Child
from cloudweb.supervisor.preflight import _check_port, check
from tests.infrastructure import PATIENCE, free_port, wait_until

LISTENS = textwrap.dedent("""
    import signal, socket, sys, time
    def end(*_):
        time.sleep(float(sys.argv[2]))
        sys.exit()
    signal.signal(signal.SIGTERM, end)
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    print("ready", flush=True)
    while True:
        signal.pause()
""")


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """A port that LISTEN names, in a cloud on fake drivers."""
    found = free_port()
    monkeypatch.setenv("CLOUDWEB_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DRIVERS", "fake")
    monkeypatch.setenv("LISTEN", f"127.0.0.1:{found}")
    return found


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """What a test started."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.wait(PATIENCE)


def listening(port: int, tmp_path: Path, *, dies_in: float) -> subprocess.Popen[bytes]:
    """Start the API's stand-in as a supervisor does."""
    child = Child(
        "api", sys.executable, "-c", LISTENS, str(port), str(dies_in), log=tmp_path / "log"
    )
    child.start()
    assert child.running is not None
    wait_until(lambda: "ready" in (tmp_path / "log").read_text(), what="it listens")
    return child.running


def test_a_dying_child_s_port_is_waited_for(
    port: int, tmp_path: Path, children: list[object]
) -> None:
    dying = listening(port, tmp_path, dies_in=0.5)
    children.append(dying)
    dying.send_signal(signal.SIGTERM)
    check().close()
    assert not list((tmp_path / "var/run/children").iterdir())
    assert dying.wait(PATIENCE) == 0  # it was given its time


def test_a_child_that_does_not_die_is_killed(
    port: int, tmp_path: Path, children: list[object]
) -> None:
    hangs = listening(port, tmp_path, dies_in=600)
    children.append(hangs)
    hangs.send_signal(signal.SIGTERM)
    forerunners.wait_for_end(patience=0.1)
    assert hangs.wait(PATIENCE) == -signal.SIGKILL
    _check_port()


def test_a_pid_that_another_has_now_is_left_alone(port: int) -> None:
    forerunners.note("api", os.getpid())
    file = forerunners._directory() / "api"
    for words in (f"{os.getpid()} another-boot:1\n", "rubbish\n", ""):
        file.write_text(words)
        forerunners.wait_for_end(patience=60)
    _check_port()
