"""The supervisor's decisions: what it shows, when it gives up, how it ends a child."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudweb import conf
from cloudweb.supervisor import __main__ as main_module
from cloudweb.supervisor import child as child_module
from cloudweb.supervisor import tree
from cloudweb.supervisor.__main__ import Ending, Supervisor
from cloudweb.supervisor.child import Child, GaveUp
from cloudweb.supervisor.output import Output, important
from tests.infrastructure import PATIENCE

FINISHED: Any = SimpleNamespace(returncode=3, poll=lambda: 3)  # a process that has ended


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


def test_one_that_is_not_vital_is_tried_again_ever_more_slowly_and_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    child = Child("host", sys.executable, "-c", "", log=tmp_path / "host.log", vital=False)
    pauses = []
    for _ in range(12):
        child.running, child._started = FINISHED, time.monotonic()
        child.look()
        pauses.append(round(child.start_at - time.monotonic(), 1))
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    shown = capfd.readouterr()
    assert "it died 12 times in a row" in shown.out + shown.err


def test_a_start_that_the_machine_refuses_is_a_death(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*command: str, env: object = None) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("cloudweb.process.start_watched", refuse)
    child = Child("host", "x", log=tmp_path / "host.log", vital=False)
    child.look()
    assert (child.running, child.quick_deaths) == (None, 1)


def test_what_dies_for_ever_takes_the_api_down_only_while_it_cannot_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Doomed(Child):
        def start(self) -> None:
            self.running, self._started, self.start_at = FINISHED, time.monotonic(), 0.0

        def look(self) -> None:
            super().look()
            looks.append(self.name)
            if self.quick_deaths > 2 * child_module.GIVE_UP_AFTER:
                raise Ending  # SIGTERM
            self.start_at = 0.0

    looks: list[str] = []
    said: list[str] = []
    (tmp_path / "banner").write_text("The cloud answers.")
    monkeypatch.setattr(main_module, "prepare", lambda: None)
    monkeypatch.setattr(main_module, "say", said.append)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(main_module, "answers", lambda url: url.endswith("/healthz"))
    monkeypatch.setattr("signal.signal", lambda number, action: None)

    def outcome(*, vital: bool) -> int:
        broker = Child("redis", sys.executable, "-c", "input()", log=tmp_path / "redis.log")
        monkeypatch.setattr(broker, "start", lambda: None)
        monkeypatch.setattr(broker, "look", lambda: None)
        doomed = Doomed("host", "x", log=tmp_path / "host.log", vital=vital)
        return Supervisor([broker, doomed], banner=tmp_path / "banner").run()

    assert outcome(vital=False) == 0
    assert "The cloud answers." in said
    assert len(looks) > 2 * child_module.GIVE_UP_AFTER
    assert outcome(vital=True) == 1


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


def test_beat_is_a_child_of_its_own_where_it_is_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOUDWEB_VAR", str(tmp_path))
    found = {}
    for where in ("inside", "apart"):
        monkeypatch.setenv("BEAT", where)
        found[where] = [child.name for child in tree.children()]
    monkeypatch.setenv("NETWORK_BACKEND", "ovn")
    found["ovn"] = [child.name for child in tree.children()]
    assert "beat" not in found["inside"]
    assert [name for name in found["apart"] if name != "beat"] == found["inside"]
    assert "beat" in found["apart"]
    ended = [name for names, _seconds in tree.STAGES for name in names]
    assert [name for name in found["ovn"] if name != "ovn"] == found["apart"]
    assert sorted(ended) == sorted(found["ovn"])
