"""The supervisor's decisions: what it shows, when it gives up, how it ends a child."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from cloudweb import conf
from cloudweb.supervisor import child as child_module
from cloudweb.supervisor.child import Child, GaveUp
from cloudweb.supervisor.output import Output, important
from tests.infrastructure import PATIENCE


def log_line(**entry: object) -> str:
    return json.dumps({"event": "sad", "timestamp": "2026", **entry})


def test_only_warnings_and_worse_are_shown() -> None:
    assert important(log_line(level="info")) is None
    assert important("Traceback (most recent call last):") is None
    assert important('{"level": ') is None
    shown = important(log_line(level="error", host="h1", exception="Trace\n  x\nValueError: no"))
    assert shown == "error: sad host=h1 ValueError: no"


def test_a_log_turns_over_at_its_limit(tmp_path: Path) -> None:
    output = Output("api", tmp_path / "api.log", limit=1000)
    for _ in range(30):
        output.write(b"x" * 99 + b"\n")
    assert (tmp_path / "api.log").stat().st_size <= 1000
    assert (tmp_path / "api.log.1").stat().st_size <= 1000
    assert len(list(tmp_path.iterdir())) == 2


def run_to_its_end(child: Child) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        child.look()
        child.start_at = 0  # no pause
        if child.running is not None:
            child.running.wait(PATIENCE)
    raise AssertionError("never gave up")


def test_a_child_that_keeps_dying_is_given_up_with_the_end_of_its_log(tmp_path: Path) -> None:
    program = "import sys; print('no such database'); sys.exit(3)"
    child = Child("api", sys.executable, "-c", program, log=tmp_path / "api.log")
    with pytest.raises(
        GaveUp, match=r"(?s)api died 5 times in a row \(exit code 3\).*no such data"
    ):
        run_to_its_end(child)


def test_a_death_after_a_good_while_starts_the_count_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = Child("api", sys.executable, "-c", "", log=tmp_path / "api.log")
    child.quick_deaths = 4
    monkeypatch.setattr(child_module, "QUICK", 0.0)
    child.start()
    assert child.running is not None
    child.running.wait(PATIENCE)
    child.look()
    assert child.quick_deaths == 1


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = Child("api", sys.executable, "-c", program, log=tmp_path / "api.log")
    child.start()
    deadline = time.monotonic() + PATIENCE
    while "up" not in child.output.tail and time.monotonic() < deadline:
        time.sleep(0.01)
    process = child.running
    assert process is not None
    child.ask_to_end()
    child.wait_or_kill(time.monotonic() + 0.1)
    assert process.returncode == -9


@pytest.mark.parametrize(
    ("listen", "address", "url"),
    [
        ("", ("127.0.0.1", 8000), "http://127.0.0.1:8000"),
        ("9000", ("127.0.0.1", 9000), "http://127.0.0.1:9000"),
        ("0.0.0.0:80", ("0.0.0.0", 80), "http://127.0.0.1:80"),
        ("[::1]:8000", ("::1", 8000), "http://[::1]:8000"),
        ("cloud.example:81", ("cloud.example", 81), "http://cloud.example:81"),
    ],
)
def test_listen_names_an_address(
    monkeypatch: pytest.MonkeyPatch, listen: str, address: tuple[str, int], url: str
) -> None:
    monkeypatch.setenv("LISTEN", listen)
    assert (conf.listen_address(), conf.listen_url()) == (address, url)


@pytest.mark.parametrize("listen", ["localhost", "::1:8000", "1.2.3.4:0", "1.2.3.4:70000", "a b"])
def test_any_other_listen_is_refused(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    monkeypatch.setenv("LISTEN", listen)
    with pytest.raises(ValueError, match="LISTEN"):
        conf.listen_address()
