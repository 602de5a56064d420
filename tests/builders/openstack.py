"""The real openstack command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

LOG_IN = ["GET /identity", "POST /identity/v3/auth/tokens"]


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Command:
    """The openstack command with its credentials; ``requests`` are those of its last run."""

    cloud = "cloudweb-admin"  # whose credentials are taken where none are named

    def __init__(self, clouds: Path) -> None:
        self.clouds = clouds
        self.requests: list[str] = []

    def record(self, environ: dict[str, Any], **_: Any) -> None:
        """Note a request as it comes in."""
        query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{query}")

    def text(self, *words: str, cloud: str = "") -> str:
        """Run it; return what it printed. Fails if the command did."""
        return self._run(*words, cloud=cloud).out

    def refusal(self, *words: str, cloud: str = "") -> str:
        """Run it; return what it complained of. Fails if it succeeded."""
        done = self._run(*words, cloud=cloud, check=False)
        assert done.code != 0
        return done.err

    def _run(self, *words: str, cloud: str, check: bool = True) -> Done:
        """Run it in this process: the start of one of its own costs 1.5 s of CPU each time."""
        from openstackclient.shell import OpenStackShell

        self.requests.clear()
        forget_clients()
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            for name in [name for name in os.environ if name.startswith("OS_")]:
                patch.delenv(name)
            patch.setenv("OS_CLIENT_CONFIG_FILE", str(self.clouds))
            patch.setenv("OS_CLOUD", cloud or self.cloud)
            patch.setattr(sys, "argv", ["openstack", *words])
            code = OpenStackShell().run([*words])
        if check:
            assert code == 0, err.getvalue()
        return Done(code, out.getvalue(), err.getvalue())

    def json(self, *words: str, cloud: str = "") -> Any:
        """Run it; return what it printed as JSON."""
        return json.loads(self.text(*words, "-f", "json", cloud=cloud))


def forget_clients() -> None:
    """Drop the clients of an earlier run: the command keeps them on a class, whatever the cloud."""
    from openstackclient.common.clientmanager import ClientManager
    from osc_lib.clientmanager import ClientCache

    for kind in ClientManager.__mro__:
        for attribute in vars(kind).values():
            if isinstance(attribute, ClientCache):
                attribute._handle = None
