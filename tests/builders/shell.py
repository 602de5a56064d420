"""The real openstack command against a cloud of processes.

It runs inside this process (each start of it costs 1.5 s of CPU), so its requests can be looked at; nothing
of it is replaced but the seconds between two looks of ``--wait``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import openstack.utils
import osc_lib.utils
import pytest
from keystoneauth1.session import Session

from tests.builders.openstack import forget_clients
from tests.infrastructure import Cloud

WAIT = "--wait"


class Shell:
    """``openstack`` in this process; ``requests`` are those of its last run, with microversions."""

    def __init__(self, cloud: Cloud, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch):
        self.cloud, self.capsys = cloud, capsys
        self.requests: list[str] = []
        self.version: str | None = None
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        send = Session.request

        def record(session: Any, url: str, method: str, **more: Any) -> Any:
            answer = send(session, url, method, **more)
            made = answer.request
            version = made.headers.get("OpenStack-API-Version", "")
            path = made.url.removeprefix(cloud.url)
            self.requests.append(" ".join(f"{made.method} {path} {version}".split()))
            return answer

        patch.setattr(Session, "request", record)
        clock = SimpleNamespace(sleep=self.sleep, time=time.time)
        for module in (osc_lib.utils, openstack.utils):
            patch.setattr(module, "time", clock)
        self._looks = 0

    def sleep(self, seconds: float) -> None:
        """Look again soon for a few seconds, then as rarely as the command does."""
        self._looks += 1
        time.sleep(0.1 if self._looks < 30 else seconds)

    def run(self, *words: str, code: int = 0) -> str:
        """Run it; return what it printed (on failure: what it complained of)."""
        from openstackclient.shell import OpenStackShell

        option = ("--os-compute-api-version", self.version) if self.version else ()
        self._looks = 0
        self.requests.clear()
        forget_clients()
        self.capsys.readouterr()
        done = OpenStackShell().run([*option, *words])
        said = self.capsys.readouterr()
        assert done == code, said.err
        return said.err if code else said.out

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "-f", "json"))


@pytest.fixture
def shell(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    made = Shell(cloud, capsys, monkeypatch)
    yield made
    made.version = None
    for noun in ("server", "image", "keypair", "port", "network", "security group"):
        for one in made.json(*noun.split(), "list"):
            if one.get("Name", "").startswith("t-"):
                wait = (WAIT,) if noun == "server" else ()
                made.run(*noun.split(), "delete", *wait, one.get("ID", one["Name"]))
