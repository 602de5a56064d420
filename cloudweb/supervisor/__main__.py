"""``python -m cloudweb.supervisor``: everything of one machine in the foreground (``make run``)."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

from cloudweb import restarts
from cloudweb.conf import own_address, var_dir
from cloudweb.pulse import pulse
from cloudweb.supervisor.child import Child, GaveUp
from cloudweb.supervisor.output import say
from cloudweb.supervisor.preflight import CannotStart, check
from cloudweb.supervisor.preparation import prepare
from cloudweb.supervisor.tree import STAGES, children

READY_WITHIN = 120.0  # seconds; a child that ends is noticed at once
AWAY = 10.0  # a look that comes later than this means that we were stopped, or starved


class Ending(Exception):
    """A signal asked for the end."""


class Supervisor:
    """Starts the children, tells when the cloud answers, and keeps watch until it is told to end."""

    def __init__(self, family: list[Child], *, banner: Path) -> None:
        self.family, self.banner = family, banner
        self._looked_at = time.monotonic()
        pulse().part("supervisor")

    def run(self) -> int:
        """Serve until a signal (exit code 0); one without which it cannot begin ends it, too (1)."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _end)
        try:
            self._serve()
        except Ending:
            return 0
        except (GaveUp, CannotStart) as error:
            say(f"\nCloudweb stops: {error}\n")
            return 1
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self._end_all()

    def _serve(self) -> NoReturn:
        restarts.clear()
        self.family[0].start()  # the broker, so that news of the preparation finds it
        prepare()
        started = time.monotonic()
        while not answers("/readyz"):
            self._look()
            late = time.monotonic() - started > READY_WITHIN
            if late or any(child.keeps_dying for child in self.family):
                if answers("/healthz"):
                    say(f"\nThis machine is not ready as a host yet. {self._logs()}")
                    break
                if late:
                    raise GaveUp(
                        f"the API did not answer within {READY_WITHIN:g} s. {self._logs()}"
                    )
            time.sleep(0.1)
        say(self.banner.read_text())
        self.banner.unlink()
        pulse().ready()
        for child in self.family:
            child.vital = False  # from now on one that dies ends no other
        while True:
            self._look()
            time.sleep(0.5)

    def _look(self) -> None:
        moment = time.monotonic()
        was_away, self._looked_at = moment - self._looked_at > AWAY, moment
        for child in self.family:
            if was_away and child.watch is not None:
                child.watch.forgive()
            child.look()
        pulse().beat("supervisor")

    def _logs(self) -> str:
        return f"What its processes say is in {self.family[0].output.path.parent}."

    def _end_all(self) -> None:
        say("Stopping; guests and networks keep running.")
        by_name = {child.name: child for child in self.family}
        for names, seconds in STAGES:
            deadline = time.monotonic() + seconds
            stage = [by_name[name] for name in names if name in by_name]
            for child in stage:
                child.ask_to_end()
            for child in stage:
                child.wait_or_kill(deadline)


def _end(number: int, _frame: object) -> None:
    raise Ending(number)


def answers(path: str) -> bool:
    """Tell whether our own API answers 200; without a client library, which would be a third of this process."""
    host, port = own_address()
    try:
        with socket.create_connection((host, port), timeout=3) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n".encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def main() -> int:
    """Check the machine, then supervise; return the exit code."""
    try:
        lock = check()
    except CannotStart as error:
        say(f"\nCloudweb cannot start. {error}\n")
        return 1
    with lock:
        return Supervisor(children(), banner=var_dir() / "run" / "banner").run()


if __name__ == "__main__":
    sys.exit(main())
