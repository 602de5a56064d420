"""Children are forked by a process that has imported what they need, and it survives what they cannot."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb import process
from cloudweb.supervisor.forks import Forked, ForkServer
from tests.infrastructure import PATIENCE, ROOT

LOADED = """
import json, os, sys, threading
from cloudweb.imports import leave_out
leave_out()
from cloudweb.forkserver import programs
programs.load_base()
if sys.argv[1] == "plane":
    programs.load_plane()
    from django.db import connections
    assert not [one for one in connections.all(initialized_only=True) if one.connection]
else:
    from cloudweb.driver import load_class
    from cloudweb.topics import HOST_DOMAINS
    for build in HOST_DOMAINS.values():
        load_class(build)
print(json.dumps({
    "modules": [name for name, module in sys.modules.items() if module],
    "threads": len(os.listdir("/proc/self/task")),
    "sockets": [one for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{fd}")
                for one in [os.readlink(f"/proc/self/fd/{fd}")] if one.startswith("socket:")],
}))
"""
NOBODY_NEEDS = {"rich", "pygments", "requests", "trio", "docutils", "jinja2", "psycopg",
                "redis.asyncio.client", "libvirt", "pyroute2", "boto3", "ldap", "pytest"}  # fmt: skip
NO_HOST_NEEDS = {"django.db", "django.conf", "django.apps", "rest_framework", "pydantic.v1", "sqlite3",
                 "uvicorn", "limits", "re2", "operations", "identity", "instances"}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "unneeded"), [("host", NOBODY_NEEDS | NO_HOST_NEEDS), ("plane", NOBODY_NEEDS)]
)
def test_nothing_is_loaded_that_is_not_used_and_nothing_that_a_fork_would_break(
    kind: str, unneeded: set[str], tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path / 'x.sqlite3'}"
    settings = {"CLOUDWEB_VAR": str(tmp_path), "DRIVERS": "fake", "DATABASE_URL": database}
    done = process.run(sys.executable, "-c", LOADED, kind, env=settings, cwd=ROOT)
    found = json.loads(done.text.splitlines()[-1])
    assert unneeded & {*found["modules"]} == set()
    assert "cloudweb.host" in found["modules"]
    assert (found["threads"], found["sockets"]) == (1, [])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    """A server whose control plane cannot be imported: its database is none."""
    settings = {"CLOUDWEB_VAR": str(tmp_path), "DRIVERS": "fake", "DATABASE_URL": "nothing://"}
    made = ForkServer("forkserver", log=tmp_path / "forkserver.log", env=settings)
    made.start()
    yield made
    assert made.running is not None
    made.ask_to_end()
    made.running.wait(PATIENCE)


def a_host(server: ForkServer) -> Forked:
    child, output = server.fork(["host", "host", "--host", "h1"], env={})
    with output:
        said = output.read().decode()
    assert "Host h1 has no credentials" in said, said
    return child


def test_what_cannot_be_imported_ends_neither_the_server_nor_its_children(
    server: ForkServer,
) -> None:
    first = a_host(server)
    assert first.wait(PATIENCE) == 1
    with pytest.raises(OSError, match="nothing"):
        server.fork(["control", "control"], env={})
    assert server.running is not None
    assert server.running.poll() is None  # and the next one is forked by the same process
    second = a_host(server)
    assert second.wait(PATIENCE) == 1
    assert Path(f"/proc/{server.running.pid}/comm").read_text() == "cw-forkserver\n"
